import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { meant } from "../../lib/patterns";
import { MetricPicker } from "./MetricPicker";

const ALL = ["train/loss", "val/loss", "lr", ...Array.from({ length: 5_000 }, (_, at) => `layer.${at}/grad_norm`)];

vi.mock("../../hooks/useLiveValue", () => ({ useLatest: () => ({ value: 0.5 }), useMetricNames: () => [] }));
vi.mock("../../hooks/useNames", () => ({
  useSettled: (text: string) => text,
  useNames: (_: string, q: string, limit: number) => {
    const found = q === "" ? ALL : meant(ALL, [q]);
    return { names: found.slice(0, limit), total: found.length, loading: false };
  },
}));

const changed = vi.fn<(chosen: readonly string[]) => void>();
const closed = vi.fn();

function Picker({ given }: { given: readonly string[] }) {
  const [chosen, setChosen] = useState(given);
  const change = (next: readonly string[]) => {
    changed(next);
    setChosen(next);
  };
  return <MetricPicker runId="a" chosen={chosen} onChange={change} onClose={closed} />;
}

beforeEach(() => {
  HTMLDialogElement.prototype.showModal = function show() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = () => undefined;
  changed.mockReset();
  closed.mockReset();
});
afterEach(cleanup);

const field = () => screen.getByRole("combobox", { name: "Search metrics" });
const type = (value: string) => fireEvent.change(field(), { target: { value } });
const press = (key: string, more = {}) => fireEvent.keyDown(field(), { key, ...more });
const options = () => screen.getAllByRole("option").map((option) => option.textContent?.replace(/0\.5000$/, ""));
const walked = () => document.getElementById(field().getAttribute("aria-activedescendant") ?? "")?.textContent;

test("one of 5,000 metrics is found and taken with a few keys", () => {
  render(<Picker given={[]} />);
  expect(screen.getByText("5,003 metrics")).toBeTruthy();
  type("4711/");
  expect(options()[0]).toBe("layer.4711/grad_norm");
  press("Enter");
  expect(changed).toHaveBeenLastCalledWith(["layer.4711/grad_norm"]);
  expect(screen.getAllByRole("option", { selected: true })).toHaveLength(1);
  press("Enter");
  expect(changed).toHaveBeenLastCalledWith([]);
});

test("arrows walk, and stay within the list", () => {
  render(<Picker given={[]} />);
  type("loss");
  press("ArrowUp");
  expect(walked()).toContain("val/loss");
  press("ArrowDown");
  expect(walked()).toContain("train/loss");
  press("PageDown");
  press("Enter");
  expect(changed).toHaveBeenLastCalledWith([options().at(-1)]);
});

test("letters may be left out", () => {
  render(<Picker given={[]} />);
  type("trls");
  expect(options()).toContain("train/loss");
});

test("a glob can be taken as it is, and tells how many it means", () => {
  render(<Picker given={["lr"]} />);
  type("layer.*/grad_norm");
  expect(walked()).toContain("all 5,000");
  press("Enter");
  expect(changed).toHaveBeenLastCalledWith(["lr", "layer.*/grad_norm"]);
  expect(screen.getAllByRole("option").length).toBeLessThan(300);
});

test("what was chosen is given back with a button, or the last one with Backspace", () => {
  render(<Picker given={["lr", "val/loss"]} />);
  fireEvent.click(screen.getByRole("button", { name: "Remove lr" }));
  expect(changed).toHaveBeenLastCalledWith(["val/loss"]);
  press("Backspace");
  expect(changed).toHaveBeenLastCalledWith([]);
  expect(screen.getByText("none chosen")).toBeTruthy();
});

test("Ctrl Enter is done; nothing found is said", async () => {
  render(<Picker given={[]} />);
  type("zzzz");
  await waitFor(() => expect(screen.getByText("0 of 5,003")).toBeTruthy());
  press("Enter");
  expect(changed).not.toHaveBeenCalled();
  press("Enter", { ctrlKey: true });
  expect(closed).toHaveBeenCalledTimes(1);
});

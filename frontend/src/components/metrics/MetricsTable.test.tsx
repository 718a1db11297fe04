import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NO_VALUE } from "../../live/latest";
import { readView } from "../../state/view";
import { withLayout } from "../fixtures";
import { MetricsTable } from "./MetricsTable";

const state = vi.hoisted(() => ({ names: [] as string[], asked: [] as [number, number][] }));

vi.mock("../../hooks/useNames", async (original) => ({
  ...(await original<object>()),
  useNames: (_: string, q: string) => {
    const names = state.names.filter((name) => name.includes(q));
    return { names, total: names.length, loading: false };
  },
}));
vi.mock("../../hooks/useLiveValue", () => ({
  useLatest: (_: string, name: string) =>
    name === "loss" ? { value: 0.25, step: 40, time: 1, previous: 0.5 } : NO_VALUE,
}));
vi.mock("../../hooks/useSummaries", () => ({
  useSummaries: (_: string, names: string[], first: number, last: number) => {
    state.asked.push([first, last]);
    const known = { last: 1, last_step: 7, min: 0.5, max: 3 };
    return Object.fromEntries(names.slice(first, last + 1).map((name) => [name, known]));
  },
}));

beforeEach(() => {
  withLayout();
  window.location.hash = "";
  state.names = ["loss", ...Array.from({ length: 99_999 }, (_, index) => `layer.${index}/norm`)];
  state.asked = [];
});
afterEach(cleanup);

const row = (name: string) => screen.getByRole("rowheader", { name }).parentElement as HTMLElement;
const cells = (name: string) => [...row(name).querySelectorAll("[role=cell]")].map((cell) => cell.textContent);

test("a live value stands with its change and its bounds, any other as the server told it", () => {
  render(<MetricsTable runId="run_1" />);
  expect(cells("loss")).toEqual(["40", "0.2500", "-0.2500", "0.2500", "3.0000"]);
  expect(row("loss").querySelector(".good")?.textContent).toBe("-0.2500");
  expect(cells("layer.0/norm")).toEqual(["7", "1.0000", "–", "0.5000", "3.0000"]);
});

test("of 100,000 metrics only those in view are drawn and asked for", () => {
  render(<MetricsTable runId="run_1" />);
  expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("100001");
  expect(screen.getAllByRole("row").length).toBeLessThan(100);
  expect(Math.max(...state.asked.map(([, last]) => last))).toBeLessThan(100);
});

test("a text narrows them down", async () => {
  const { rerender } = render(<MetricsTable runId="run_1" text="99998" />);
  expect(screen.getByText("layer.99998/norm")).toBeTruthy();
  rerender(<MetricsTable runId="run_1" text="nowhere" />);
  expect(await screen.findByText("No metric fits the filter.")).toBeTruthy();
});

test("Enter charts the metric in a panel of its own", () => {
  render(<MetricsTable runId="run_1" />);
  fireEvent.keyDown(row("loss"), { key: "Enter" });
  expect(Object.values(readView().metrics)).toEqual([["loss"]]);
});

test("whoever shows the table may have a row open something else", () => {
  const open = vi.fn();
  render(<MetricsTable runId="run_1" onOpen={open} />);
  fireEvent.click(row("loss"));
  fireEvent.keyDown(row("layer.0/norm"), { key: "Enter" });
  expect(open.mock.calls).toEqual([["loss"], ["layer.0/norm"]]);
  expect(readView().metrics).toEqual({});
});

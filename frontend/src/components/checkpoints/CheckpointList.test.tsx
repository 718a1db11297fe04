import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { START } from "../../state/address";
import { changeView, readView } from "../../state/view";
import { aCheckpoint, withLayout } from "../fixtures";
import { CheckpointList } from "./CheckpointList";
import { MetricColumns } from "./MetricColumns";

beforeEach(() => {
  withLayout();
  changeView(START);
});
afterEach(cleanup);

const checkpoints = [
  aCheckpoint({ id: "k3", number: 3, step: 300, size: 30, metrics: { "val/loss": 0.3, acc: 0.7 } }),
  aCheckpoint({
    id: "k2",
    number: 2,
    step: 200,
    size: null,
    metrics: { "val/loss": "NaN", acc: 0.9 },
    verdict: "missing",
  }),
  aCheckpoint({ id: "k1", number: 1, step: 100, size: 50, metrics: { "val/loss": 0.1, acc: 0.8 }, is_best: true }),
];
const ids = () =>
  screen
    .getAllByRole("row")
    .slice(1)
    .map((row) => row.textContent?.slice(0, 9));
const sortBy = (name: string) =>
  fireEvent.click(within(screen.getByRole("columnheader", { name })).getByRole("button"));
const show = (onMarkBest = vi.fn(async () => undefined)) => {
  render(<CheckpointList checkpoints={checkpoints} onMarkBest={onMarkBest} />);
  return onMarkBest;
};

test("the newest stands first until a column is chosen", () => {
  show();
  expect(ids()).toEqual(["ckpt_0003", "ckpt_0002", "ckpt_0001"]);
  expect(screen.getByRole("columnheader", { name: "ID" }).getAttribute("aria-sort")).toBe("descending");
});

test.each([
  ["STEP", ["ckpt_0003", "ckpt_0002", "ckpt_0001"], ["ckpt_0001", "ckpt_0002", "ckpt_0003"]],
  ["LOSS", ["ckpt_0003", "ckpt_0001", "ckpt_0002"], ["ckpt_0001", "ckpt_0003", "ckpt_0002"]],
  ["ACCURACY", ["ckpt_0002", "ckpt_0001", "ckpt_0003"], ["ckpt_0003", "ckpt_0001", "ckpt_0002"]],
  ["SIZE", ["ckpt_0001", "ckpt_0003", "ckpt_0002"], ["ckpt_0003", "ckpt_0001", "ckpt_0002"]],
  ["VERDICT", ["ckpt_0003", "ckpt_0001", "ckpt_0002"], ["ckpt_0002", "ckpt_0003", "ckpt_0001"]],
])("%s sorts one way and then the other, with NaN and nothing always last", (name, descending, ascending) => {
  show();
  sortBy(name);
  expect(ids()).toEqual(descending);
  sortBy(name);
  expect(ids()).toEqual(ascending);
  expect(screen.getByRole("columnheader", { name }).getAttribute("aria-sort")).toBe("ascending");
});

test("the order is in the address, and a link brings it back", () => {
  show();
  sortBy("LOSS");
  expect(readView().checkpoints).toBe("-metric:val/loss");
  cleanup();
  changeView({ checkpoints: "metric:acc" });
  show();
  expect(ids()).toEqual(["ckpt_0003", "ckpt_0001", "ckpt_0002"]);
  sortBy("ID");
  expect(readView().checkpoints).toBe("");
  act(() => changeView({ checkpoints: "moon" }));
  expect(screen.getByRole("columnheader", { name: "ID" }).getAttribute("aria-sort")).toBe("descending");
});

test("each is held against the best, good and bad by the metric's direction", () => {
  show();
  const [third, second] = screen.getAllByRole("row").slice(1);
  expect(within(third as HTMLElement).getByText("+0.2000").className).toBe("bad");
  expect(second?.textContent).toContain("NaN");
});

test("a row opens its details, and Esc closes them", () => {
  show();
  fireEvent.click(screen.getAllByRole("row")[1] as HTMLElement);
  expect(screen.getByRole("complementary", { name: "ckpt_0003" }).textContent).toContain("/models/1.npz");
  fireEvent.keyDown(screen.getAllByRole("row")[1] as HTMLElement, { key: "Escape" });
  expect(screen.queryByRole("complementary")).toBeNull();
});

test("BEST marks the checkpoint without opening it, and is off for the one that is marked", async () => {
  const mark = show();
  fireEvent.click(screen.getByRole("button", { name: "Mark as best: ckpt_0003" }));
  await waitFor(() => expect(mark).toHaveBeenCalledExactlyOnceWith("k3"));
  expect(screen.queryByRole("complementary")).toBeNull();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Mark as best: ckpt_0001" }).disabled).toBe(true);
});

test("a refusal is told on the button", async () => {
  show(vi.fn().mockRejectedValue(new Error("The run is gone.")));
  fireEvent.click(screen.getByRole("button", { name: "Mark as best: ckpt_0003" }));
  expect(await screen.findByRole("button", { name: "The run is gone.: ckpt_0003" })).toBeTruthy();
});

test("y copies the path of the row in focus, and says so", async () => {
  const writeText = vi.fn(async () => undefined);
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  show();
  const row = screen.getAllByRole("row")[2] as HTMLElement;
  expect(row.closest("[data-keys]")?.getAttribute("data-keys")).toBe("y");
  fireEvent.keyDown(row, { key: "y" });
  expect((await screen.findByText("COPIED /models/1.npz")).role).toBe("status");
  expect(writeText).toHaveBeenCalledExactlyOnceWith("/models/1.npz");
  vi.unstubAllGlobals();
});

test("metrics that were chosen get the columns, in that order, and sort like any other", () => {
  render(<CheckpointList checkpoints={checkpoints} chosen={["acc", "val/*", "gone"]} onMarkBest={vi.fn()} />);
  const titles = screen.getAllByRole("columnheader").map((heading) => heading.textContent);
  expect(titles.slice(0, 5)).toEqual(["ID", "STEP", "ACCURACY", "vs BEST", "LOSS"]);
  sortBy("ACCURACY");
  expect(ids()).toEqual(["ckpt_0002", "ckpt_0001", "ckpt_0003"]);
});

test("a metric gets its column, or loses it, by the choice in the heading", () => {
  const choose = vi.fn();
  render(<MetricColumns checkpoints={checkpoints} chosen={["acc"]} onChoose={choose} />);
  const choice = screen.getByRole<HTMLSelectElement>("combobox", { name: "Columns of metrics" });
  expect([...choice.options].map(({ text }) => text)).toEqual(["1/2 METRICS", "+ val/loss", "− acc"]);
  fireEvent.change(choice, { target: { value: "val/loss" } });
  expect(choose).toHaveBeenLastCalledWith(["acc", "val/loss"]);
  fireEvent.change(choice, { target: { value: "acc" } });
  expect(choose).toHaveBeenLastCalledWith([]);
});

// @vitest-environment node
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Chart, MetricUpdate } from "../services/types";
import { LiveStore } from "./store";

const onMissing = vi.fn<(runId: string, key: string, axis: string) => void>();
const onWatch = vi.fn<(runId: string, watched: boolean) => void>();
let store: LiveStore;

beforeEach(() => {
  onMissing.mockReset();
  onWatch.mockReset();
  store = new LiveStore({ onMissing, onWatch });
});

/** A history of the steps `0 … last`, read at commit `cursor`. */
function history(last: number, cursor: number): Chart {
  const x = Array.from({ length: last + 1 }, (_, step) => step);
  const line = { mean: x, min: x, max: x, last: x, count: x.map(() => 1) };
  return { x, series: [{ run_id: "a", key: "loss", ...line }], exact: true, stored: x.length, cursors: { a: cursor } };
}

function push(steps: number[], since: number, cursor: number): MetricUpdate {
  const points = { step: steps, time: steps.map(() => 1), value: steps };
  return {
    type: "metric_update",
    run_id: "a",
    step: steps.at(-1) ?? 0,
    metrics: {},
    since,
    cursor,
    series: { loss: points },
  };
}

const hold = (listener = () => {}) => store.hold("a", "loss", listener);
const shown = () => Array.from(store.series("a", "loss")?.view().x ?? []);
const doubled = () => Array.from(store.series("a", "loss")?.view().count ?? []).some((count) => count !== 1);

test("the first hold asks for history and watches the run, the last release ends it", () => {
  const release = [hold(), hold()];
  expect(onMissing.mock.calls).toEqual([["a", "loss", "step"]]);
  expect(onWatch.mock.calls).toEqual([["a", true]]);
  for (const end of release) end();
  expect(onWatch.mock.calls).toEqual([
    ["a", true],
    ["a", false],
  ]);
  expect(store.series("a", "loss")).toBeNull();
});

test("pushes that come before the history follow it, and those that it holds are left out", () => {
  hold();
  store.apply(push([0, 1], 0, 2));
  store.apply(push([2, 3], 2, 4));
  store.apply(push([4, 5], 4, 6));
  expect(store.series("a", "loss")).toBeNull();
  store.merge("a", "loss", history(3, 4));
  expect(shown()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(doubled()).toBe(false);
});

test("a push that begins inside the history gives only what the history lacks", () => {
  hold();
  store.merge("a", "loss", history(3, 4));
  expect(store.apply(push([2, 3, 4, 5], 2, 6))).toBe(true);
  expect(shown()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(doubled()).toBe(false);
  expect(onMissing).toHaveBeenCalledTimes(1);
});

test("a history that reaches beyond its own commit is not doubled by the next push", () => {
  hold();
  store.merge("a", "loss", history(5, 4));
  store.apply(push([4, 5, 6], 4, 7));
  store.apply(push([7], 7, 8));
  expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(doubled()).toBe(false);
});

test("a push inside the history whose steps go back can't be cut, so the history is read again", () => {
  hold();
  store.merge("a", "loss", history(3, 4));
  store.apply(push([3, 2], 2, 6));
  expect(onMissing).toHaveBeenCalledTimes(2);
  store.merge("a", "loss", history(3, 6));
  expect(shown()).toEqual([0, 1, 2, 3]);
});

test("a push that was seen is left out", () => {
  hold();
  store.merge("a", "loss", history(1, 2));
  store.apply(push([2], 2, 3));
  expect(store.apply(push([2], 2, 3))).toBe(false);
  expect(doubled()).toBe(false);
});

describe("a gap", () => {
  test("between two pushes leads to reading again, with the old points on show meanwhile", () => {
    hold();
    store.merge("a", "loss", history(1, 2));
    store.apply(push([2], 2, 3));
    store.apply(push([9], 8, 9));
    expect(onMissing).toHaveBeenCalledTimes(2);
    expect(shown()).toEqual([0, 1, 2]);
    store.merge("a", "loss", history(9, 9));
    expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(doubled()).toBe(false);
  });

  test("before the first push is none: it may follow any earlier commit", () => {
    hold();
    store.subscribed("a", 2);
    store.merge("a", "loss", history(1, 2));
    store.apply(push([2], 8, 9));
    expect(onMissing).toHaveBeenCalledTimes(1);
    expect(shown()).toEqual([0, 1, 2]);
  });

  test("between the history and the subscription leads to reading again, whichever comes first", () => {
    hold();
    store.subscribed("a", 9);
    store.merge("a", "loss", history(1, 2));
    expect(onMissing).toHaveBeenCalledTimes(2);
    store.merge("a", "loss", history(8, 9));
    store.subscribed("a", 12);
    expect(onMissing).toHaveBeenCalledTimes(3);
  });
});

test("resync reads every held metric of the run again and keeps the old points on show", () => {
  hold();
  store.hold("a", "acc", () => {});
  store.merge("a", "loss", history(3, 4));
  onMissing.mockReset();
  store.resync("a");
  expect(onMissing.mock.calls).toEqual([
    ["a", "loss", "step"],
    ["a", "acc", "step"],
  ]);
  expect(shown()).toEqual([0, 1, 2, 3]);
});

test("the cursor for `since` is that of the last push, or of the subscription before the first", () => {
  expect(store.cursorOf("a")).toBeUndefined();
  hold();
  store.subscribed("a", 7);
  expect(store.cursorOf("a")).toBe(7);
  store.apply(push([1], 7, 8));
  expect(store.cursorOf("a")).toBe(8);
});

test("a single step, the strings of the wire, and the listener", () => {
  const listener = vi.fn<() => void>();
  hold(listener);
  store.merge("a", "loss", history(1, 2));
  listener.mockReset();
  const update = { type: "metric_update", run_id: "a", since: 2, cursor: 3 } as const;
  store.apply({ ...update, step: 2, metrics: { loss: "NaN", other: 1 } });
  expect(listener).toHaveBeenCalledTimes(1);
  expect(store.series("a", "loss")?.nonfinite).toEqual([2]);
  expect(store.series("a", "loss")?.lastValue).toBeNaN();
});

test("newest values of the run list, which have no `since`, are no points of a chart", () => {
  hold();
  store.merge("a", "loss", history(1, 2));
  expect(store.apply({ type: "metric_update", run_id: "a", step: 9, metrics: { loss: 9 }, cursor: 5 })).toBe(false);
  expect(shown()).toEqual([0, 1]);
});

test("a finer tail takes the place of the end of a coarse history", () => {
  hold();
  const coarse = history(1, 4);
  const tail = history(3, 5);
  store.merge("a", "loss", { ...coarse, x: [0, 10] }, { ...tail, x: [10, 11, 12, 13] });
  expect(shown()).toEqual([0, 10, 11, 12, 13]);
});

test("the same points stand on an axis of time, in seconds, history and push alike", () => {
  store.hold("a", "loss", () => {}, "time");
  expect(onMissing).toHaveBeenLastCalledWith("a", "loss", "time");
  const line = { run_id: "a", key: "loss", mean: [1, 2], min: [1, 2], max: [1, 2], last: [1, 2], count: [1, 1] };
  const chart = {
    x: [5_000_000, 6_000_000],
    series: [line],
    exact: true,
    stored: 2,
    cursors: { a: 3 },
  } as unknown as Chart;
  store.merge("a", "loss", chart, undefined, "time");
  store.apply({
    type: "metric_update",
    run_id: "a",
    step: 9,
    time: 7_500_000,
    metrics: { loss: 3 },
    cursor: 4,
    since: 3,
  });
  expect([...(store.series("a", "loss", "time")?.view().x ?? [])]).toEqual([5, 6, 7.5]);
  expect(store.series("a", "loss")).toBeNull();
});

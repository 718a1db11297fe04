// @vitest-environment node
import { expect, test, vi } from "vitest";
import type { Chart, MetricUpdate, Run } from "../services/types";
import { progressOf } from "./decode";
import { LatestValues } from "./latest";

const update = (step: number, metrics: MetricUpdate["metrics"], time = step * 1e6): MetricUpdate => ({
  type: "metric_update",
  run_id: "a",
  step,
  metrics,
  time,
});

function run(last: number | string, step: number): Run {
  const summary = { last, last_step: step, last_time: new Date(step * 1000).toISOString() };
  return { id: "a", summary: { loss: summary } } as unknown as Run;
}

test("a newer value takes the place of the old one, which stays known as the previous", () => {
  const latest = new LatestValues();
  latest.seed(run(2.5, 10));
  latest.apply(update(11, { loss: 2.25 }));
  expect(latest.value("a", "loss")).toEqual({ value: 2.25, step: 11, time: 11e6, previous: 2.5 });
  expect(latest.time("a")).toBe(11e6);
});

test("what REST answers late does not undo what was pushed", () => {
  const latest = new LatestValues();
  latest.apply(update(11, { loss: 2.25 }));
  latest.seed(run(2.5, 10));
  latest.apply(update(9, { loss: 9 }));
  expect(latest.value("a", "loss").value).toBe(2.25);
});

test("values that are not finite are known as such", () => {
  const latest = new LatestValues();
  latest.seed(run("NaN", 1));
  expect(latest.value("a", "loss").value).toBeNaN();
});

test("the names are one array until there is a new one", () => {
  const latest = new LatestValues();
  latest.apply(update(1, { loss: 1, acc: 0 }));
  const names = latest.names("a");
  latest.apply(update(2, { loss: 1 }));
  expect(latest.names("a")).toBe(names);
  latest.apply(update(3, { f1: 1 }));
  expect(latest.names("a")).toEqual(["acc", "f1", "loss"]);
});

test("a trend begins with the course so far and goes on with what is pushed", () => {
  const latest = new LatestValues();
  const line = { run_id: "a", key: "loss", mean: [3, null, 2], min: [], max: [], last: [], count: [] };
  latest.setTrend("a", "loss", { x: [0, 5, 10], series: [line], exact: true, stored: 2, cursors: {} } as Chart);
  latest.apply(update(11, { loss: 1 }));
  expect(Array.from(latest.trend("a", "loss")?.view().mean ?? [])).toEqual([3, 2, 1]);
});

test("held, it goes on keeping and tells of it when it is let go", () => {
  const latest = new LatestValues();
  const listener = vi.fn<() => void>();
  latest.subscribe("a", listener);
  latest.hold(true);
  latest.apply(update(1, { loss: 1 }));
  expect(listener).not.toHaveBeenCalled();
  latest.hold(false);
  expect(listener).toHaveBeenCalledTimes(1);
  expect(latest.value("a", "loss").value).toBe(1);
});

test("the seconds of sampled metrics are not taken for steps", () => {
  const latest = new LatestValues();
  latest.apply(update(5, { loss: 1 }));
  latest.apply(update(1_795_467_092, { loss: 0.5, "system/process/cpu_percent": 3 }));
  expect(latest.value("a", "loss").step).toBe(5);
  expect(progressOf(update(1_795_467_092, { "system/process/cpu_percent": 3 }))).toBeNull();
  expect(progressOf(update(7, { loss: 1 }))).toEqual({ step: 7, time: 7e6 });
});

test("progress is the last step of the logged metrics in a burst", () => {
  const series = {
    loss: { step: [1, 2], time: [10, 20], value: [1, 2] },
    "system/process/threads": { step: [99], time: [30], value: [4] },
  };
  expect(progressOf({ ...update(99, {}), series })).toEqual({ step: 2, time: 20 });
});

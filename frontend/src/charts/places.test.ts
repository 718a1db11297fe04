// @vitest-environment node
import { expect, test } from "vitest";
import { type Columns, Series } from "../live/series";
import { BY_STEP, byMetric, byTime } from "./places";

function course(entries: readonly (readonly [x: number, count?: number, mean?: number])[]): Columns {
  const made = new Series();
  made.replace(
    entries.map(([x, count = 1, mean = 0]) => ({ x, count, mean, min: mean, max: mean, last: mean })),
    [],
  );
  return made.view();
}

test("on an axis of steps a step stands at itself", () => {
  expect([BY_STEP.of(7), BY_STEP.stepAt(7)]).toEqual([7, 7]);
});

test("on an axis of time a step stands where the point of the same number was logged", () => {
  const places = byTime(course([[0], [10], [20], [30]]), course([[1000], [1001], [1005], [1060]]), 1000);
  expect([0, 10, 20, 30].map(places.of)).toEqual([0, 1, 5, 60]);
  expect([0, 1, 5, 60].map(places.stepAt)).toEqual([0, 10, 20, 30]);
  expect(places.of(15)).toBe(1);
  expect([places.of(-1), places.of(31), places.stepAt(61), places.stepAt(-1)]).toEqual([null, null, null, null]);
});

test("within a bucket it stands as far as the step is", () => {
  const places = byTime(course([[0, 10], [10]]), course([[100], [110, 5], [160, 5]]), 0);
  expect(places.of(5)).toBeCloseTo(110 + (4 / 5) * 50, 9);
  expect(places.stepAt(100)).toBe(0);
});

test("without points there is no place", () => {
  const places = byTime(course([]), course([[1]]), 0);
  expect([places.of(1), places.stepAt(1)]).toEqual([null, null]);
});

test("on an axis of another metric a step stands at its value, and a value at the nearest step", () => {
  const places = byMetric(
    course([
      [10, 1, 0.5],
      [20, 1, 2],
    ]),
  );
  expect([9, 10, 15, 99].map(places.of)).toEqual([null, 0.5, 0.5, 2]);
  expect([0, 1, 1.5].map(places.stepAt)).toEqual([10, 10, 20]);
});

// @vitest-environment node
import { expect, test } from "vitest";
import { Series } from "../live/series";
import { nearest, over, shifted } from "./axis";

function series(points: readonly (readonly [number, number])[]): Series {
  const made = new Series();
  for (const [step, value] of points) made.add(step, value);
  return made;
}

test("seconds since the start are the time less the start", () => {
  const course = series([
    [1000, 1],
    [1060, 2],
  ]).view();
  expect([...shifted(course, 1000).x]).toEqual([0, 60]);
  expect([...course.x]).toEqual([1000, 1060]);
});

test("a course over another metric stands where that metric was at the same step, ascending", () => {
  const loss = series([
    [0, 9],
    [10, 8],
    [20, 7],
    [30, 6],
  ]).view();
  const epoch = series([
    [10, 2],
    [20, 1],
    [25, 1.5],
  ]);
  const { x, mean } = over(loss, epoch);
  expect([...x]).toEqual([1, 1.5, 2]);
  expect([...mean]).toEqual([7, 6, 8]);
});

test("the nearest place is on either side", () => {
  expect([0, 4, 5, 6, 99].map((wanted) => nearest([2, 4, 8], wanted))).toEqual([0, 1, 1, 1, 2]);
  expect(nearest([], 1)).toBe(-1);
});

// @vitest-environment node
import { expect, test } from "vitest";
import { smoothed } from "./smooth";

const course = (mean: number[], count = mean.map(() => 1)) => ({
  mean: Float64Array.from(mean),
  count: Float64Array.from(count),
});

test("it is the average that TensorBoard draws", () => {
  // By hand with w = 0.5: s = 1, 2, 3 halved and summed; divided by 0.5, 0.75, 0.875.
  const [first, second, third] = [0.5 / 0.5, 1.25 / 0.75, 2.125 / 0.875];
  expect([...smoothed(course([1, 2, 3]), 0.5)]).toEqual([first, second, third]);
});

test("what does not change stays as it is, from the first point on", () => {
  for (const value of smoothed(course([7, 7, 7, 7]), 0.99)) expect(value).toBeCloseTo(7, 12);
});

test("an entry of several points weighs as so many points of its mean", () => {
  const each = smoothed(course([1, 5, 5, 5, 2]), 0.9);
  const gathered = smoothed(course([1, 5, 2], [1, 3, 1]), 0.9);
  expect(gathered[1]).toBeCloseTo(each[3] as number, 12);
  expect(gathered[2]).toBeCloseTo(each[4] as number, 12);
});

test("no weight is no smoothing", () => {
  expect([...smoothed(course([3, 1, 2]), 0)]).toEqual([3, 1, 2]);
});

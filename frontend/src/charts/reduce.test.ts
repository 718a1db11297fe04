// @vitest-environment node
import { expect, test } from "vitest";
import { Series } from "../live/series";
import { type Course, reduce, seen } from "./reduce";

function course(points: readonly (readonly [number, number])[], more: Partial<Course> = {}): Course {
  const made = new Series();
  for (const [step, value] of points) made.add(step, value);
  return { ...made.view(), odd: made.nonfinite, ...more };
}

test("a value that was not finite breaks the line where it stood, and beyond the ends breaks nothing", () => {
  const points = [
    [0, Number.NaN],
    [1, 5],
    [2, Number.NaN],
    [3, Number.POSITIVE_INFINITY],
    [4, 6],
    [5, Number.NaN],
  ] as const;
  const { x, value, min, drawn } = reduce(course(points), [0, 5], 100);
  expect(x).toEqual([1, 2, 3, 4]);
  expect(value).toEqual([5, null, null, 6]);
  expect(min).toEqual([5, null, null, 6]);
  expect(drawn).toBe(2);
});

test("a step that has a number too breaks nothing", () => {
  const points = [
    [1, 5],
    [2, 7],
    [2, Number.NaN],
    [3, 6],
  ] as const;
  expect(reduce(course(points), [0, 5], 100).value).toEqual([5, 7, 6]);
});

test("points are counted within the range alone, though its neighbours are drawn", () => {
  const all = Array.from({ length: 100 }, (_, step) => [step, step] as const);
  expect(reduce(course(all), [40, 44], 50)).toMatchObject({ x: [39, 40, 41, 42, 43, 44], drawn: 5, points: 5 });
});

test("buckets have the mean of their points, each as often as it stands for, and the last smoothed value", () => {
  const made = new Series();
  const bucket = (x: number, mean: number, count: number) => ({
    x,
    mean,
    min: mean - 1,
    max: mean + 1,
    last: 0,
    count,
  });
  made.replace([bucket(0, 10, 3), bucket(1, 2, 1), bucket(8, 5, 1), bucket(9, 7, 1)], []);
  const smooth = Float64Array.from([1, 2, 3, 4]);
  const { x, value, min, max, smooth: eased, points } = reduce({ ...made.view(), smooth }, [0, 9], 2);
  expect(x).toEqual([0, 8, 9]);
  expect(value).toEqual([8, 5, 0]);
  expect([min[0], max[0]]).toEqual([1, 11]);
  expect(eased).toEqual([2, 3, 4]);
  expect(points).toBe(6);
});

test("in view are the entries within the range, or what crosses it, and nothing of a line that is beside it", () => {
  const line = reduce(course([0, 10, 20, 30].map((x) => [x, x])), [0, 30], 100);
  expect(seen(line, [10, 20]).value).toEqual([10, 20]);
  expect(seen(line, [11, 19]).value).toEqual([10, 20]);
  expect([seen(line, [31, 40]).value, seen(line, [-5, -1]).value]).toEqual([[], []]);
});

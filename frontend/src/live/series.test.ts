// @vitest-environment node
import { describe, expect, test } from "vitest";
import { Series } from "./series";

const list = (values: Iterable<number>) => Array.from(values);

test("points stay as they came until there are many", () => {
  const series = new Series();
  series.append({ step: [0, 1, 2], time: [0, 0, 0], value: [3, 2, 1] });
  const { x, mean, min, max, count } = series.view();
  expect([list(x), list(mean)]).toEqual([
    [0, 1, 2],
    [3, 2, 1],
  ]);
  expect([list(min), list(max), list(count)]).toEqual([
    [3, 2, 1],
    [3, 2, 1],
    [1, 1, 1],
  ]);
});

test("a repeated step keeps the extremes and the last value in one entry", () => {
  const series = new Series();
  for (const value of [4, 8, 6]) series.add(7, value);
  const { x, mean, min, max, last, count } = series.view();
  expect([x, mean, min, max, last, count].map((column) => column[0])).toEqual([7, 6, 4, 8, 6, 3]);
});

test("a step that goes back is put where it belongs", () => {
  const series = new Series();
  for (const step of [1, 5, 9, 3, 0]) series.add(step, step * 10);
  expect(list(series.view().x)).toEqual([0, 1, 3, 5, 9]);
  expect(list(series.view().mean)).toEqual([0, 10, 30, 50, 90]);
  expect([series.lastStep, series.lastValue]).toEqual([0, 0]);
});

describe("a hundred thousand points in bounded memory", () => {
  const series = new Series();
  const value = (step: number) => (step === 54_321 ? 1e6 : step === 777 ? -1e6 : Math.sin(step / 1000));
  for (let step = 0; step < 100_000; step++) series.add(step, value(step));
  const columns = series.view();

  test("stay below the capacity and count every point", () => {
    expect(series.length).toBeLessThanOrEqual(4096);
    expect(series.points).toBe(100_000);
  });

  test("lose no extremum", () => {
    expect(Math.max(...columns.max)).toBe(1e6);
    expect(Math.min(...columns.min)).toBe(-1e6);
  });

  test("stay in order, cover the whole course, and keep the newest thousand one by one", () => {
    expect(list(columns.x)).toEqual(list(columns.x).sort((left, right) => left - right));
    const widest = Math.max(...list(columns.x).map((x, index) => (columns.x[index + 1] ?? 100_000) - x));
    expect(widest).toBeLessThan(500);
    expect(list(columns.x).slice(-1000)[0]).toBe(99_000);
    expect(
      list(columns.count)
        .slice(-1000)
        .every((count) => count === 1),
    ).toBe(true);
  });
});

test("values that are not finite are told apart and enter nothing", () => {
  const series = new Series();
  series.append({ step: [0, 1, 2], time: [0, 0, 0], value: [1, Number.NaN, Number.POSITIVE_INFINITY] });
  expect(series.length).toBe(1);
  expect(series.nonfinite).toEqual([1, 2]);
  expect([series.lastStep, series.lastValue]).toEqual([2, Number.POSITIVE_INFINITY]);
});

test("a part that is read again takes the place of what was there from its start on", () => {
  const series = new Series();
  for (let step = 0; step < 10; step++) series.add(step, 0);
  const entry = (x: number) => ({ x, mean: 5, min: 5, max: 5, last: 5, count: 1 });
  series.replace([entry(6), entry(7)], [], 6);
  expect(list(series.view().mean)).toEqual([0, 0, 0, 0, 0, 0, 5, 5]);
});

test("the value some steps back is that of the newest entry not after it", () => {
  const series = new Series();
  for (const step of [10, 20, 30]) series.add(step, step);
  expect([9, 10, 25, 99].map((step) => series.valueAt(step))).toEqual([null, 10, 20, 30]);
});

test("a history that ends with something not finite learns from the newest value what it was", () => {
  const series = new Series();
  series.replace([], [7]);
  expect(series.lastValue).toBeNaN();
  series.know(7, Number.POSITIVE_INFINITY);
  expect(series.lastValue).toBe(Number.POSITIVE_INFINITY);
  series.know(6, 1);
  expect(series.lastValue).toBe(Number.POSITIVE_INFINITY);
});

// @vitest-environment node
import { expect, test } from "vitest";
import { followed, steadied, widened } from "./follow";
import type { Range } from "./reduce";

/** The stretches shown while a window slides over steps that come one by one. */
function slide(points: number, pixels: number, low: (at: number) => number): { wanted: Range; shown: Range }[] {
  let shown: Range | null = null;
  return Array.from({ length: points }, (_, at) => {
    const wanted: Range = [low(at), 1000 + at];
    shown = followed(wanted, shown, pixels);
    return { wanted, shown };
  });
}

test("what has to be in view always is, with little beside it", () => {
  for (const low of [(at: number) => at, () => 0, (at: number) => 900 + at, (at: number) => (at < 50 ? at : at - 50)]) {
    for (const { wanted, shown } of slide(300, 333, low)) {
      expect(shown[0]).toBeLessThanOrEqual(wanted[0]);
      expect(shown[1]).toBeGreaterThanOrEqual(wanted[1]);
      expect(shown[1] - shown[0]).toBeLessThanOrEqual((wanted[1] - wanted[0]) * 1.0601);
    }
  }
});

test("a window that slides stands still for most points, and else moves on by whole pixels at the same scale", () => {
  const shown = slide(300, 333, (at) => at).map((each) => each.shown);
  const moves = shown.flatMap((each, at) => {
    const before = shown[at - 1];
    return before === undefined || before === each ? [] : [{ before, each }];
  });
  expect(moves.length).toBeLessThan(25);
  expect(moves.length).toBeGreaterThan(10);
  for (const { before, each } of moves) {
    expect(each[1] - each[0]).toBeCloseTo(before[1] - before[0], 9);
    const pixels = ((each[0] - before[0]) / (each[1] - each[0])) * 333;
    expect(pixels).toBeCloseTo(Math.round(pixels), 6);
    expect(pixels).toBeGreaterThan(1);
  }
});

test("a stretch that grows is widened now and then", () => {
  const shown = new Set(slide(300, 333, () => 0).map((each) => each.shown.join()));
  expect(shown.size).toBeLessThan(15);
});

test("a single point, and another stretch, are shown as they are", () => {
  expect(followed([5, 5], null, 300)).toEqual([5, 5]);
  expect(followed([5, 5], [5, 5], 300)).toEqual([5, 5]);
  expect(followed([100, 200], [0, 5000], 300)).toEqual([100, 203]);
  expect(followed([100, 200], [150, 250], 300)).toEqual([100, 203]);
});

test("the scale of values stays while they fit, grows at once and shrinks when they fill too little of it", () => {
  const before: Range = [0, 112];
  expect(steadied([-2, 110], before, false)).toBe(before);
  expect(steadied([3, 118], before, false)).toBe(before);
  expect(steadied([3, 130], before, false)).toEqual([3, 130]);
  expect(steadied([20, 80], before, false)).toEqual([20, 80]);
  expect(steadied([20, 80], null, false)).toEqual([20, 80]);
  expect(steadied([1.2, 950], [1, 1000], true)).toEqual([1, 1000]);
  expect(steadied([0.1, 950], [1, 1000], true)).toEqual([0.1, 950]);
});

test("a single place is shown with something on either side, however large its number", () => {
  expect(widened([3, 4])).toEqual([3, 4]);
  expect(widened([5, 5])).toEqual([4, 6]);
  for (const place of [0, -2e17, 1.7e18, 1e300]) {
    const [low, high] = widened([place, place]);
    expect(low < place && place < high).toBe(true);
  }
});

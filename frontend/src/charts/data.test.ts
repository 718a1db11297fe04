// @vitest-environment node
import { describe, expect, test } from "vitest";
import { type Columns, Series } from "../live/series";
import { sharedX, stretch } from "./data";
import { suitsLogScale, valueRange } from "./extent";
import { type Cell, type Range, reduce } from "./reduce";

function series(points: [number, number][]): Columns {
  const made = new Series();
  for (const [step, value] of points) made.add(step, value);
  return made.view();
}

/** Each reduced, and the x of them all. */
function align(courses: readonly Columns[], range: Range, buckets: number) {
  const own = courses.map((course) => reduce(course, range, buckets));
  return { own, x: sharedX(own) };
}

const ramp = (from: number, to: number, value = (step: number) => step) =>
  series(Array.from({ length: to - from }, (_, index) => [from + index, value(from + index)]));

describe("the stretch shown", () => {
  test("is all there is, of all runs", () => {
    expect(stretch([ramp(5, 50), null, ramp(0, 10)], "all")).toEqual([0, 49]);
  });
  test("is that of the first run's last points, whatever the others have", () => {
    expect(stretch([ramp(0, 500), ramp(0, 9000)], 100)).toEqual([400, 499]);
  });
  test("is that of the first run that has any when the selected one has none yet", () => {
    expect(stretch([null, ramp(0, 500)], 100)).toEqual([400, 499]);
  });
  test("is all of a run that has fewer points than that", () => {
    expect(stretch([ramp(4, 9)], 100)).toEqual([4, 8]);
    expect(stretch([ramp(4, 9)], 1000)).toEqual([4, 8]);
  });
  test("is none without points", () => {
    expect(stretch([null, new Series().view()], "all")).toBeNull();
  });
});

test("runs with different steps share one ascending x for the crosshair", () => {
  const { x, own } = align(
    [
      series([
        [0, 1],
        [10, 2],
      ]),
      series([
        [5, 7],
        [10, 8],
      ]),
    ],
    [0, 10],
    100,
  );
  expect(x).toEqual([0, 5, 10]);
  expect(own.map((line) => [line.x, line.value])).toEqual([
    [
      [0, 10],
      [1, 2],
    ],
    [
      [5, 10],
      [7, 8],
    ],
  ]);
});

describe("more points than pixels", () => {
  const noisy = ramp(0, 4000, (step) => (step === 1234 ? 50 : step === 2345 ? -50 : step % 2));
  const { x, own } = align([noisy], [0, 3999], 200);

  test("become about as many entries as there are pixels", () => {
    expect(x.length).toBeLessThanOrEqual(202);
    expect(x.length).toBeGreaterThan(100);
  });
  test("lose neither the largest nor the smallest value", () => {
    const numbers = (cells: Cell[] = []) => cells.filter((cell) => typeof cell === "number");
    expect(Math.max(...numbers(own[0]?.max))).toBe(50);
    expect(Math.min(...numbers(own[0]?.min))).toBe(-50);
  });
  test("end at the very last point", () => {
    expect([x.at(-1), own[0]?.value.at(-1)]).toEqual([3999, 1]);
  });
});

test("buckets stay where they are while a run goes on", () => {
  const before = align([ramp(0, 3000)], [0, 2999], 100).x;
  const after = align([ramp(0, 3010)], [0, 3009], 100).x;
  expect(after.slice(0, -2)).toEqual(before.slice(0, after.length - 2));
});

test("a zoomed chart keeps the neighbour on either side, so that lines reach its edges", () => {
  expect(align([ramp(0, 100)], [40, 44], 50).x).toEqual([39, 40, 41, 42, 43, 44]);
  expect(
    align(
      [
        series([
          [0, 1],
          [100, 2],
        ]),
      ],
      [40, 60],
      50,
    ).x,
  ).toEqual([0, 100]);
});

describe("the range of y", () => {
  const lines = (...all: Columns[]) => align(all, [0, 999], 800).own;
  const falling = ramp(0, 1000, (step) => 2 + 8 * Math.exp(-step / 100));

  test("holds all of a usual run, its beginning too", () => {
    const [low, high] = valueRange(lines(falling), false);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(9.9);
    expect(high).toBeLessThan(12);
  });
  test("holds the beginning of a run that falls steeply", () => {
    const steep = ramp(0, 1000, (step) => (step < 3 ? 100 : 1 + (step % 10) / 100));
    expect(valueRange(lines(steep), false)[1]).toBeGreaterThan(100);
  });
  test("is not stretched by a run that diverges at its end", () => {
    const diverging = series(Array.from({ length: 60 }, (_, step) => [step, step < 50 ? 5 : 10 ** (step - 40)]));
    expect(valueRange(lines(falling, diverging), false)[1]).toBeLessThan(60);
  });
  test("holds a spike in a stretch that somebody chose, and only there", () => {
    const spiky = series(Array.from({ length: 60 }, (_, step) => [step, step === 30 ? 500 : 5 + (step % 2) / 10]));
    expect(valueRange(lines(spiky), false)[1]).toBeLessThan(60);
    expect(valueRange(lines(spiky), false, true)[1]).toBeGreaterThan(500);
    expect(valueRange(lines(ramp(0, 10, () => 3)), false, true)[1]).toBeGreaterThan(3);
  });
  test("is not stretched by a run that diverged long ago", () => {
    const gone = ramp(0, 1000, (step) => 10 ** (step / 5));
    expect(valueRange(lines(falling, falling, gone), false)[1]).toBeLessThan(60);
  });
  test("holds a diverging run that is alone", () => {
    const gone = ramp(0, 1000, (step) => 10 ** (step / 500));
    expect(valueRange(lines(gone), false)[1]).toBeGreaterThan(90);
  });
  test("has some height for a constant, and on a logarithmic scale stays above zero", () => {
    const [low, high] = valueRange(lines(ramp(0, 10, () => 0.1)), false);
    expect(high - low).toBeGreaterThan(0);
    expect(
      valueRange(
        lines(
          series([
            [0, -1],
            [1, 1e-3],
            [2, 10],
          ]),
        ),
        true,
      )[0],
    ).toBeGreaterThan(0);
    expect(valueRange([], true)[0]).toBeGreaterThan(0);
  });
});

test("a line without values leaves the range of the others as it is", () => {
  const line = (...value: number[]) => ({ value, min: value, max: value });
  for (const logScale of [false, true]) {
    expect(valueRange([line(), line(1, 5)], logScale)).toEqual(valueRange([line(1, 5)], logScale));
  }
});

test("however large or small the values are, the range of y has some height and ends", () => {
  for (const values of [
    [1e305, 1e305],
    [1e301, 1e304],
    [-1.7e308, 1.7e308],
    [1e-310, 1e-305],
    [0, 5e-324],
  ]) {
    for (const logScale of [false, true]) {
      for (const all of [false, true]) {
        const [low, high] = valueRange([{ value: values, min: values, max: values }], logScale, all);
        expect(low).toBeLessThan(high);
        expect(Number.isFinite(high - low)).toBe(true);
      }
    }
  }
});

test("a logarithmic scale suits positive values over two decades, and nothing else", () => {
  const line = (...values: (number | null)[]) => [{ value: values, min: values, max: values }];
  expect(suitsLogScale(line(0.01, 1, 5))).toBe(true);
  expect(suitsLogScale(line(0.5, 1, 5))).toBe(false);
  expect(suitsLogScale(line(0, 1, 500))).toBe(false);
  expect(suitsLogScale(line(-1, 1, 500))).toBe(false);
  expect(suitsLogScale(line(null, 1, 500))).toBe(true);
  expect(suitsLogScale([])).toBe(false);
});

test("on a logarithmic scale a run that explodes leaves the chart, one that grows steadily does not", () => {
  const calm = Array.from({ length: 100 }, (_, at) => 10 ** (-4 * (at / 99)));
  const exploding = [...calm.slice(0, 10), 1e3, 1e9, 1e18];
  const line = (value: number[]) => ({ value, min: value, max: value });
  expect(valueRange([line(calm), line(calm), line(exploding)], true)[1]).toBeLessThan(1e4);
  const growing = Array.from({ length: 100 }, (_, at) => 10 ** (6 * (at / 99)));
  expect(valueRange([line(growing)], true)[1]).toBeGreaterThan(1e6);
});

import { describe, expect, test } from "vitest";
import { Series } from "../live/series";
import { legendPlan } from "./legend";
import { drawnLine, inStretch, type Line, summaryOf } from "./line";
import { chartOptions } from "./options";
import { faded, readPalette, rgbOf } from "./palette";
import type { Grid } from "./plugins/curves";
import { spreadTags } from "./plugins/tags";
import { readAt, readings } from "./readings";
import { reduce } from "./reduce";
import type { Source } from "./source";
import { evenSplits, logLabels, logSplits, spanLabels, stepLabels, valueLabels, wallLabels } from "./ticks";
import { drawnText, liveText } from "./words";

const line = (name: string, over: Partial<Line> = {}): Line => ({
  runId: name,
  name,
  colour: "var(--s1)",
  dash: [],
  failed: false,
  ...over,
});

function source(values: number[]): Source {
  const made = new Series();
  for (const [step, value] of values.entries()) made.add(step, value);
  const { lastValue, lastStep, points, nonfinite } = made;
  return { course: made.view(), revision: null, odd: nonfinite, lastValue, lastStep, points };
}

describe("ticks", () => {
  test("of steps are all in one unit", () => {
    expect(stepLabels([0, 5000, 10_000])).toEqual(["0k", "5k", "10k"]);
    expect(stepLabels([0, 2500, 5000])).toEqual(["0.0k", "2.5k", "5.0k"]);
    expect(stepLabels([0, 200, 400])).toEqual(["0", "200", "400"]);
    expect(stepLabels([0, 2e6])).toEqual(["0M", "2M"]);
    expect(stepLabels([])).toEqual([]);
  });
  test("of values have the same digits, and powers where plain ones would be long", () => {
    expect(valueLabels([8, 9, 10])).toEqual(["8", "9", "10"]);
    expect(valueLabels([0.25, 0.5])).toEqual(["0.25", "0.50"]);
    expect(valueLabels([0, 2e-4, 4e-4])).toEqual(["0", "2e-4", "4e-4"]);
    expect(valueLabels([0, 1.5e6])).toEqual(["0", "1.5e6"]);
  });
  test("of seconds since the start are in the units that people count in", () => {
    expect(spanLabels([0, 15, 30])).toEqual(["0s", "15s", "30s"]);
    expect(spanLabels([0, 30, 90])).toEqual(["0s", "30s", "1m30"]);
    expect(spanLabels([0, 1800, 5400])).toEqual(["0m", "30m", "1h30"]);
    expect(spanLabels([0, 3600, 90_000])).toEqual(["0h", "1h", "25h"]);
  });
  test("of the time of day are in the chosen zone, with seconds where they are close", () => {
    const noon = Date.parse("2026-11-28T12:00:00Z") / 1000;
    expect(wallLabels([noon, noon + 600], "UTC")).toEqual(["12:00", "12:10"]);
    expect(wallLabels([noon, noon + 5], "Asia/Tokyo")).toEqual(["21:00:00", "21:00:05"]);
    expect(wallLabels([noon, noon + 86_400], "UTC")).toEqual(["11-28", "11-29"]);
  });
  test("of a logarithmic scale have as many digits as each needs", () => {
    expect(logLabels([0.001, 0.1, 10, 1e6])).toEqual(["1e-3", "0.1", "10", "1e6"]);
  });
});

test("ticks are round, no more than there is room for, and none where numbers are too coarse for them", () => {
  expect(evenSplits(-1, 9, 5)).toEqual([0, 2, 4, 6, 8]);
  expect(evenSplits(0.1, 0.9, 4).map((each) => each.toFixed(3))).toEqual(["0.200", "0.400", "0.600", "0.800"]);
  expect(valueLabels(evenSplits(9.99, 10.12, 6))).toEqual(["10.000", "10.025", "10.050", "10.075", "10.100"]);
  expect(evenSplits(1e20, 9e20, 5)).toEqual([2e20, 4e20, 6e20, 8e20]);
  expect(evenSplits(-1e300, 1e300, 5)).toHaveLength(5);
  for (const [low, high] of [
    [5, 5],
    [1e16, 1e16 + 2],
    [0, Number.POSITIVE_INFINITY],
    [Number.NaN, 1],
  ] as const) {
    expect(evenSplits(low, high, 10)).toEqual([]);
  }
});

test("ticks of a logarithmic scale are few, round and inside, at any range", () => {
  expect(logSplits(0.5, 150)).toEqual([0.5, 1, 2, 5, 10, 20, 50, 100]);
  expect(logSplits(6e-4, 9.5e-4)).toEqual([6e-4, 7e-4, 8e-4, 9e-4]);
  expect(logSplits(1e-3, 1e9)).toEqual([1e-3, 0.1, 10, 1e3, 1e5, 1e7, 1e9]);
  expect(logSplits(1e-300, 1e300).length).toBeLessThan(10);
  expect(logSplits(1e300, 1e300)).toEqual([1e300]);
});

describe("value tags", () => {
  const tag = (y: number, text = "") => ({ y, text, colour: "" });
  test("stand beside their line's end where there is room", () => {
    expect(spreadTags([tag(50), tag(100)], 0, 200, 10).map((each) => each.y)).toEqual([45, 95]);
  });
  test("are moved apart in order, and stay inside", () => {
    const placed = spreadTags([tag(199, "c"), tag(198, "b"), tag(1, "a"), tag(200, "d")], 0, 200, 10);
    expect(placed.map((each) => each.text)).toEqual(["a", "b", "c", "d"]);
    expect(placed.map((each) => each.y)).toEqual([0, 170, 180, 190]);
  });
  test("that find no room are left out", () => {
    expect(
      spreadTags(
        [1, 2, 3, 4, 5].map((y) => tag(y)),
        0,
        30,
        10,
      ),
    ).toHaveLength(3);
  });
});

describe("the crosshair reads", () => {
  test("a line's own point, or the one before between two of them, and nothing beyond its ends", () => {
    const own = { x: [1, 3, 4, 5], value: [5, 7, null, 9] };
    expect([0, 1, 2, 3, 4, 5, 6].map((x) => readAt(own, x))).toEqual([null, 5, 5, 7, Number.NaN, 9, null]);
  });
  test("all lines, the largest first", () => {
    const all = [source([1, 1]), source([9, 3]), source([2, 2])];
    const lines = all.map((each, index) => drawnLine(line(`r${index}`), each, "#fff"));
    const own = all.map((each) => reduce(each.course, [0, 1], 10));
    expect(readings(lines, own, 1).map((each) => [each.name, each.y])).toEqual([
      ["r1", 3],
      ["r2", 2],
      ["r0", 1],
    ]);
  });
});

test("an entry of several points tells how far they are apart", () => {
  const lines = [drawnLine(line("a"), source([1]), "#fff")];
  const own = { x: [0, 10], value: [5, 6], min: [1, 6], max: [500, 6], smooth: null, drawn: 2, points: 11 };
  expect([0, 10].map((x) => readings(lines, [own], x)[0]?.span)).toEqual([[1, 500], null]);
});

test("what is not finite is read last, and what is smoothed beside its raw value", () => {
  const lines = ["a", "b"].map((name) => drawnLine(line(name), source([1]), "#fff"));
  const reduced = { max: [], min: [], drawn: 0, points: 0 };
  const own = [
    { ...reduced, x: [0, 1, 2], value: [1, null, 2], smooth: null },
    { ...reduced, x: [0, 1, 2], value: [-5, -6, -7], smooth: [-5, -5.5, -6] },
  ];
  expect(readings(lines, own, 1).map(({ name, y, smooth }) => [name, y, smooth])).toEqual([
    ["b", -6, -5.5],
    ["a", Number.NaN, null],
  ]);
  const exact = new Map([["a", 500]]);
  expect(readings(lines, own, 1, exact)[0]).toMatchObject({ name: "a", y: 500, span: null });
  expect(readings([{ ...(lines[0] as (typeof lines)[0]), ghost: true }], own, 0)).toEqual([]);
});

test("a line that goes on beyond the stretch tells its value there; few points are dots", () => {
  const made = drawnLine(line("a"), source([5, 6, 7, 8]), "#fff");
  const own = reduce(source([5, 6, 7, 8]).course, [0, 2], 400);
  expect(inStretch(made, own, 2, 400)).toMatchObject({ edge: 7, sparse: true });
  expect(inStretch(made, own, 3, 20)).toMatchObject({ edge: null, sparse: false });
});

test("names stand below a chart that has room for them, in as many columns as fit", () => {
  expect(legendPlan(3, { width: 640, height: 400 }, false)).toEqual({ columns: 3, rows: 1 });
  expect(legendPlan(12, { width: 640, height: 400 }, false)).toEqual({ columns: 4, rows: 3 });
  expect(legendPlan(12, { width: 640, height: 400 }, true)).toEqual({ columns: 2, rows: 0 });
  expect(legendPlan(1, { width: 640, height: 150 }, false).rows).toBe(0);
});

test("the badge tells how much of what is stored is drawn", () => {
  expect([drawnText(812, 812), drawnText(1, 1), drawnText(0, 0)]).toEqual([
    "all 812 points",
    "1 point",
    "no points here",
  ]);
  expect(drawnText(1200, 4_000_000)).toBe("1,200 of 4,000,000 points, extrema kept");
  expect([liveText(0), liveText(1234)]).toEqual(["UNZOOM", "LIVE +1,234"]);
});

test("the library is given an axis and no line, and tells where its ticks are as long as there are any", () => {
  const grid: Grid = { x: [], y: [] };
  const palette = readPalette(document.documentElement);
  const options = chartOptions({
    logScale: true,
    xKind: "step",
    syncKey: "s",
    palette,
    plugins: [],
    width: 10,
    height: 10,
    grid,
  });
  expect(options.series).toEqual([{}]);
  expect(options.scales?.y?.distr).toBe(3);
  expect(options.axes?.slice(1)).toEqual([{ show: false }]);
  const [axis] = options.axes as [{ values: (chart: unknown, splits: number[]) => string[] }];
  expect(axis.values(null, [1, 10])).toEqual(["1", "10"]);
  expect(grid.x).toEqual([1, 10]);
  for (const told of options.hooks?.setScale ?? []) told?.({} as never, "x");
  expect(grid.x).toEqual([]);
});

test("colours come from the page's variables", () => {
  document.documentElement.style.setProperty("--s1", "#FFD700");
  const palette = readPalette(document.documentElement);
  expect(palette.colour("var(--s1)")).toBe("#FFD700");
  expect(palette.rgb("var(--s1)")).toEqual([255, 215, 0]);
  expect(rgbOf("#0af")).toEqual([0, 170, 255]);
  expect(faded("gold", 0.5)).toBe("color-mix(in srgb, gold 50%, transparent)");
});

test("a line's summary tells how many points it has and where it stands, NaN included", () => {
  const own = source([3, 2, Number.NaN]);
  expect(summaryOf(line("a"), own)).toEqual({ run: "a", n: 2, lastStep: 2, lastValue: "NaN" });
  expect(drawnLine(line("a"), own, "#fff")).toMatchObject({ end: { x: 1, y: 2 }, nonfinite: [2] });
});

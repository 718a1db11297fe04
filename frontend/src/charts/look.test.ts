import { describe, expect, test } from "vitest";
import { Series } from "../live/series";
import { align } from "./data";
import { drawnLine, type Line, summaryOf } from "./line";
import { chartData, chartOptions } from "./options";
import { faded, readPalette } from "./palette";
import { readAt, readings } from "./plugins/crosshair";
import { spreadTags } from "./plugins/tags";
import type { Source } from "./source";
import { logLabels, logSplits, stepLabels, valueLabels } from "./ticks";

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
  return { course: made.view(), odd: nonfinite, lastValue, lastStep, points };
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
  test("of a logarithmic scale are left out where the library leaves them out", () => {
    expect(logLabels([0.001, 0.1, null, 10, 1e6])).toEqual(["1e-3", "0.1", "", "10", "1e6"]);
  });
});

test("ticks of a logarithmic scale are few, round and inside, at any range", () => {
  expect(logSplits(0.5, 150)).toEqual([0.5, 1, 2, 5, 10, 20, 50, 100]);
  expect(logSplits(6e-4, 9.5e-4)).toEqual([6e-4, 7e-4, 8e-4, 9e-4]);
  expect(logSplits(1e-3, 1e9)).toEqual([1e-3, 0.1, 10, 1e3, 1e5, 1e7, 1e9]);
  expect(logSplits(1e-300, 1e300).length).toBeLessThan(10);
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
    const cells = [undefined, 5, undefined, 7, undefined];
    expect([0, 1, 2, 3, 4].map((index) => readAt(cells, index))).toEqual([null, 5, 5, 7, null]);
  });
  test("all lines, the largest first", () => {
    const all = [source([1, 1]), source([9, 3]), source([2, 2])];
    const lines = all.map((each, index) => drawnLine(line(`r${index}`), each, "#fff"));
    const data = chartData(
      align(
        all.map((each) => each.course),
        [0, 1],
        10,
      ),
      false,
    );
    expect(readings(lines, data, 1).map((each) => [each.name, each.y])).toEqual([
      ["r1", 3],
      ["r2", 2],
      ["r0", 1],
    ]);
  });
});

test("the chart has a value and a band per line, and dashes that tell lines apart without colour", () => {
  const drawn = [line("a"), line("b", { dash: [6, 3] })].map((each) => drawnLine(each, source([1]), "#ffd700"));
  const palette = readPalette(document.documentElement);
  const look = {
    lines: drawn,
    logScale: true,
    xKind: "step" as const,
    smooth: false,
    syncKey: "s",
    palette,
    plugins: [],
    width: 10,
    height: 10,
  };
  const options = chartOptions({ ...look, onZoom: () => {}, onUnzoom: () => {}, onClick: () => {} });
  expect(options.series).toHaveLength(1 + 2 * 3);
  expect(options.series[4]?.dash).toEqual([6, 3]);
  expect(options.bands?.map((band) => band.series)).toEqual([
    [2, 3],
    [5, 6],
  ]);
  expect(options.scales?.y?.distr).toBe(3);
});

test("colours come from the page's variables", () => {
  document.documentElement.style.setProperty("--s1", "#FFD700");
  const palette = readPalette(document.documentElement);
  expect(palette.colour("var(--s1)")).toBe("#FFD700");
  expect(faded("gold", 0.5)).toBe("color-mix(in srgb, gold 50%, transparent)");
});

test("a line's summary tells how many points it has and where it stands, NaN included", () => {
  const own = source([3, 2, Number.NaN]);
  expect(summaryOf(line("a"), own)).toEqual({ run: "a", n: 2, lastStep: 2, lastValue: "NaN" });
  expect(drawnLine(line("a"), own, "#fff")).toMatchObject({ end: { x: 1, y: 2 }, nonfinite: [2] });
});

import { afterEach, describe, expect, test, vi } from "vitest";
import type { PlacedMark } from "./mark";
import { readPalette } from "./palette";
import type { Reading } from "./readings";
import { cut, planOf, Readout, tableOf } from "./readout";

const reading = (name: string, y: number, over: Partial<Reading> = {}): Reading => ({
  name,
  colour: "#fff",
  y,
  smooth: null,
  span: null,
  ...over,
});
const mark = (text: string): PlacedMark => ({ kind: "error", text, step: 1, x: 1 });

describe("the table beside the crosshair", () => {
  test("has each line's value, and tells of those that find no room", () => {
    const table = tableOf("STEP 5", [reading("a", 2), reading("b", 1.5), reading("c", Number.NaN)], [], 2);
    expect(table.rows).toEqual([
      ["a", "2.0000"],
      ["b", "1.5000"],
    ]);
    expect(table.more).toBe("and 1 more");
  });
  test("has the least and largest value of few lines, and the smoothed value in their place", () => {
    const spread = reading("a", 2, { span: [1, 3] });
    expect(tableOf("", [spread, reading("b", 1)], [], 9).rows).toEqual([
      ["a", "2.0000", "1.0000…3.0000"],
      ["b", "1.0000", ""],
    ]);
    expect(tableOf("", Array(5).fill(spread), [], 9).rows[0]).toHaveLength(2);
    expect(tableOf("", [reading("a", 2, { span: [1, 3], smooth: 2.5 })], [], 9).rows).toEqual([
      ["a", "2.0000", "2.5000"],
    ]);
  });
  test("is as wide as what it holds, and cuts names that are too long", () => {
    const table = tableOf("S", [reading("short", 1), reading("a very long name of a run", 2)], [], 9);
    expect(planOf(table, 80)).toMatchObject({ widths: [25, 6], across: 31 });
    expect(planOf(table, 20)).toMatchObject({ widths: [14, 6], across: 20 });
    expect(planOf(table, 8).widths).toEqual([6, 6]);
    const spread = tableOf("S", [reading("a", 2, { span: [1, 3] })], [], 9);
    expect(planOf(spread, 20).widths).toEqual([1, 6, 13]);
    expect(planOf(spread, 19).widths).toEqual([1, 6]);
    expect(cut("a very long name", 8)).toBe("a very …");
    expect(cut("🙂🙂🙂", 3)).toBe("🙂🙂🙂");
  });
  test("breaks what happened into three lines at most", () => {
    const table = tableOf(
      "S",
      [],
      [mark("loss is\nNaN"), mark("x".repeat(100)), mark("one two three four five six")],
      9,
    );
    const { across, lines } = planOf(table, 60);
    expect(across).toBe(24);
    expect(lines.map(({ text }) => text)).toEqual([
      "loss is NaN",
      "x".repeat(24),
      "x".repeat(24),
      `${"x".repeat(23)}…`,
      "one two three four five",
      "six",
    ]);
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("the box is as fine as the screen, on another screen too", () => {
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  const readout = new Readout(readPalette(document.documentElement));
  const table = tableOf("STEP 5", [reading("a", 2)], [], 9);
  for (const ratio of [1.25, 1, 2, 1.5]) {
    vi.stubGlobal("devicePixelRatio", ratio);
    readout.show(table, { width: 600, height: 200 });
    expect(readout.box.width / Number.parseFloat(readout.box.style.width)).toBeCloseTo(ratio, 9);
  }
});

// @vitest-environment node
import { expect, test } from "vitest";
import type { Range, Reduced } from "./reduce";
import { ValueScale } from "./scale";

const line = (...value: number[]): Reduced => ({
  x: value.map((_, at) => at),
  value,
  min: value,
  max: value,
  smooth: null,
  drawn: value.length,
  points: value.length,
});
const ALL: Range = [0, 100];
const NOTHING = [Number.POSITIVE_INFINITY];
const following = { logScale: false, held: false } as const;

/** A scale that was chosen for these values. */
function chosen(own: Reduced, wanted: Parameters<ValueScale["choose"]>[3] = following): ValueScale {
  const scale = new ValueScale();
  scale.choose([own], [Number.NEGATIVE_INFINITY], ALL, wanted);
  return scale;
}

test("it holds what was there, and stays while all that is new fits in", () => {
  const scale = chosen(line(0, 4, 8));
  const { range } = scale;
  expect(range).toEqual([-0.48, 8.48]);
  scale.choose([line(0, 4, 8, 5)], [3], ALL, following);
  expect(scale.range).toBe(range);
});

test("a value beyond it is noticed at once, at the end or in what was changed long ago", () => {
  for (const [own, since] of [
    [line(0, 4, 8, 20), 3],
    [line(0, 20, 8, 5), Number.NEGATIVE_INFINITY],
    [line(0, -20, 8, 5), 1],
  ] as const) {
    const scale = chosen(line(0, 4, 8));
    scale.choose([own], [since], ALL, following);
    expect([Math.abs(scale.range?.[0] ?? 0), scale.range?.[1] ?? 0].some((end) => end > 20)).toBe(true);
  }
});

test("another line is looked at whole", () => {
  const scale = chosen(line(0, 4, 8));
  scale.choose([line(0, 4, 8), line(0, 30, 1)], NOTHING, ALL, following);
  expect(scale.range?.[1]).toBeGreaterThan(30);
});

test("another stretch has its own, and values that went are noticed after some drawings", () => {
  const scale = chosen(line(0, 4, 80));
  scale.choose([line(0, 4, 80)], NOTHING, [0, 1], following);
  expect(scale.range?.[1]).toBeLessThan(5);
  const other = chosen(line(0, 4, 80));
  let drawings = 0;
  for (; (other.range?.[1] ?? 0) > 80; drawings++) other.choose([line(0, 4, 8)], NOTHING, ALL, following);
  expect(drawings).toBeGreaterThan(1);
  expect(drawings).toBeLessThan(40);
});

test("it becomes logarithmic as soon as the values call for it, and then stays so until somebody wants another", () => {
  const auto = { logScale: "auto", held: false } as const;
  const scale = chosen(line(1, 10, 1000), auto);
  expect(scale.logarithmic).toBe(true);
  scale.choose([line(1, 2, 3)], NOTHING, [0, 2], auto);
  expect(scale.logarithmic).toBe(true);
  scale.choose([line(1, 2, 3)], NOTHING, [0, 2], following);
  expect([scale.logarithmic, (scale.range?.[1] ?? 9) < 4]).toEqual([false, true]);
});

test("a stretch that somebody chose has its own range, and so has what comes after it was forgotten", () => {
  const scale = chosen(line(0, 100));
  scale.choose([line(0, 95)], NOTHING, [0, 1], { logScale: false, held: true });
  expect(scale.range?.[1]).toBeLessThan(101);
  const steady = chosen(line(0, 100));
  steady.forget();
  steady.choose([line(0, 95)], NOTHING, ALL, following);
  expect(steady.range?.[1]).toBeLessThan(101);
});

import { describe, expect, test } from "vitest";
import { reduced as own } from "./fixtures";
import type { DrawnLine } from "./line";
import { readPalette } from "./palette";
import { type CurvesView, type Frame, Picture } from "./plugins/curves";
import type { Cell, Reduced } from "./reduce";

const [WIDTH, HEIGHT] = [100, 60];
const line = (over: Partial<DrawnLine> = {}): DrawnLine => ({
  runId: "a",
  name: "a",
  colour: "var(--s1)",
  paint: "#ffffff",
  dash: [],
  failed: false,
  end: null,
  lastValue: null,
  nonfinite: [],
  edge: null,
  sparse: false,
  ...over,
});
const frame = (over: Partial<Frame> = {}): Frame => ({
  left: 0,
  top: 0,
  width: WIDTH,
  height: HEIGHT,
  x: [0, 10],
  y: [1, 100],
  logScale: false,
  ...over,
});
const view = (lines: DrawnLine[], drawn: Reduced[], over: Partial<CurvesView> = {}): CurvesView => {
  const changed = drawn.map(() => Number.NEGATIVE_INFINITY);
  return { lines, drawn, changed, marks: [], grid: { x: [], y: [] }, at: null, ...over };
};

function palette() {
  const root = document.documentElement;
  root.style.setProperty("--bg-secondary", "#000000");
  root.style.setProperty("--grid-line", "#0000ff");
  return readPalette(root);
}

/** Brightness of a pixel of the picture, over x from 0 to 10 and y from 1 to 100. */
function picture(lines: DrawnLine[], drawn: Reduced[], logScale = false, grid: number[] = []) {
  const made = new Picture(palette());
  made.draw(view(lines, drawn, { grid: { x: grid, y: grid } }), frame({ logScale }));
  return (x: number, y: number, part = 0) => made.pixels[(y * WIDTH + x) * 4 + part] as number;
}

test("values stand where the scales have them, linear and logarithmic", () => {
  const flat = own([0, 10], [10, 10]);
  const bright = (logScale: boolean) => {
    const at = picture([line()], [flat], logScale);
    return Array.from({ length: HEIGHT }, (_, y) => at(50, y)).findIndex((each) => each > 100);
  };
  expect(bright(false)).toBe(Math.round(HEIGHT - (9 / 99) * HEIGHT) - 1);
  expect(bright(true)).toBe(HEIGHT / 2 - 1);
});

test("what is not finite, or what a logarithmic scale can't show, breaks the line", () => {
  const at = (value: Cell) => picture([line()], [own([0, 4, 5, 6, 10], [10, 10, value, 10, 10])], true)(50, 30);
  expect(at(10)).toBeGreaterThan(100);
  expect([at(null), at(0), at(-3)]).toEqual([0, 0, 0]);
});

test("entries of several points have a band between their extremes, others none", () => {
  const x = [0, 10];
  const spread = own(x, [50, 50], { min: [20, 20], max: [80, 80], points: 900 });
  const band = picture([line()], [spread])(50, 20);
  expect(band).toBeGreaterThan(30);
  expect(band).toBeLessThan(60);
  expect(picture([line()], [{ ...spread, points: 2 }])(50, 20)).toBe(0);
  expect(picture([line({ ghost: true })], [spread])(50, 20)).toBeLessThan(band);
});

test("a smoothed line stands before its own faint course; few points are dots", () => {
  const smoothed = picture([line()], [own([0, 10], [20, 20], { smooth: [80, 80] })]);
  const brightest = (at: typeof smoothed, from: number, to: number) =>
    Math.max(...Array.from({ length: to - from }, (_, y) => at(50, from + y)));
  expect(brightest(smoothed, 5, 20)).toBeGreaterThan(220);
  expect(brightest(smoothed, 40, 58)).toBeLessThan(100);
  const dotted = (sparse: boolean) => picture([line({ sparse })], [own([5], [50])])(52, 30);
  expect(dotted(true)).toBeGreaterThan(dotted(false));
});

test("the grid lies below the lines, where the axes have their ticks", () => {
  const at = picture([line()], [own([0, 10], [50, 50])], false, [5]);
  expect(at(50, 3, 2)).toBe(255);
  expect(at(50, 3)).toBe(0);
  expect(Math.max(...[29, 30, 31].map((y) => at(50, y)))).toBeGreaterThan(150);
});

test("a chart that follows a run draws its end alone, and looks as if it were drawn whole", () => {
  const kept = new Picture(palette());
  const value = (x: number) => 50 + 40 * Math.sin(x * 7);
  const firsts: number[] = [];
  for (let end = 40; end < 90; end++) {
    const x = Array.from({ length: end }, (_, at) => at / 4);
    const spread = { min: x.map((each) => value(each) - 5), max: x.map((each) => value(each) + 5), points: 999 };
    const drawn = [
      own(x, x.map(value), spread),
      own(
        x,
        x.map((each) => 30 + each),
        { points: end },
      ),
    ];
    const lines = [line(), line({ paint: "#00ff00" })];
    const low = Math.max(0, Math.ceil(end - 50)) / 4;
    const now = frame({ x: [low - (low % 0.5), low - (low % 0.5) + 12.5] });
    const grid = { x: [5, 10, 15, 20], y: [20, 80] };
    firsts.push(kept.draw(view(lines, drawn, { changed: [(end - 3) / 4, (end - 2) / 4], grid }), now));
    const whole = new Picture(palette());
    whole.draw(view(lines, drawn, { grid }), now);
    const apart = Array.from(kept.pixels, (level, at) => Math.abs(level - (whole.pixels[at] as number)));
    expect(Math.max(...apart)).toBeLessThanOrEqual(2);
  }
  expect(firsts[0]).toBe(0);
  expect(Math.max(...firsts)).toBeGreaterThan(80);
  expect(firsts.filter((first) => first === 0).length).toBeLessThan(25);
});

test("a line ends in a dot, at the edge where its end is out of sight; a failed run's and a ghost's do not", () => {
  const bright = (over: Partial<DrawnLine>, x: number, y: number) =>
    picture([line(over)], [own([0, 5], [50, 50])])(x, y);
  const end = { x: 5, y: 50 };
  expect(bright({ end }, 52, 30)).toBeGreaterThan(240);
  expect(bright({}, 52, 30)).toBe(0);
  expect(bright({ end: { x: 5, y: 1e9 } }, 51, 1)).toBeGreaterThan(240);
  expect([bright({ end, failed: true }, 52, 30), bright({ end, ghost: true }, 52, 30)]).toEqual([0, 0]);
});

describe("what is kept is drawn again", () => {
  /** The first column that is new in the second of two pictures, and whether it looks as if it were drawn whole. */
  function second(before: CurvesView, now: CurvesView): { from: number; isWhole: boolean } {
    const [kept, whole] = [new Picture(palette()), new Picture(palette())];
    kept.draw(before, frame());
    const from = kept.draw(now, frame());
    whole.draw(now, frame());
    return { from, isWhole: kept.pixels.every((level, at) => level === whole.pixels[at]) };
  }
  const still = { changed: [Number.POSITIVE_INFINITY] };
  const flat = own([0, 10], [50, 50]);

  test("not at all where nothing is new", () => {
    expect(second(view([line()], [flat]), view([line()], [flat], still))).toEqual({ from: WIDTH, isWhole: true });
  });
  test("when a line has no points any more", () => {
    expect(second(view([line()], [flat]), view([line()], [own([], [])]))).toEqual({ from: 0, isWhole: true });
  });
  test("when a value that is not finite takes the place of one long ago", () => {
    const odd = (...nonfinite: number[]) => [line({ nonfinite })];
    expect(second(view(odd(1, 2), [flat]), view(odd(2, 3), [flat], still)).from).toBe(0);
  });
  test("when a run fails, whose end is a cross and no dot from then on", () => {
    const ending = (failed: boolean) => [line({ failed, end: { x: 5, y: 80 } })];
    const now = view(ending(true), [own([0, 5], [50, 80])], still);
    expect(second(view(ending(false), [own([0, 5], [50, 80])]), now)).toEqual({ from: 0, isWhole: true });
  });
  test("when a run that failed goes on", () => {
    const failed = (x: number) => [line({ failed: true, end: { x, y: 50 } })];
    const [before, now] = [own([0, 9], [50, 50]), own([0, 9, 10], [50, 50, 50])];
    expect(second(view(failed(9), [before]), view(failed(10), [now], { changed: [9.5] })).from).toBe(0);
  });
  test("with its smoothed line whole, though its course is broken where the new part begins", () => {
    const broken = own([0, 5, 10], [20, null, 20], { smooth: [80, undefined, 80], min: [20, null, 20] });
    const grown = (end: number) => own([0, 2, 4, 6, 8, end], [50, 50, 50, 50, 50, 50], { smooth: Array(6).fill(50) });
    const lines = [line(), line({ paint: "#00ff00" })];
    const now = view(lines, [broken, grown(9.5)], { changed: [Number.POSITIVE_INFINITY, 9] });
    const { from, isWhole } = second(view(lines, [broken, grown(9)]), now);
    expect(from).toBeGreaterThan(60);
    expect(isWhole).toBe(true);
  });
});

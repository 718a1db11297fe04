import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Series } from "../live/series";
import type { LineChart as Chart } from "./chart";
import type { Line } from "./line";
import { BY_STEP } from "./places";
import type { ChartHost, ChartSettings } from "./settings";
import type { Source } from "./source";

/** A canvas that knows the pixels that were put into it, and passes over all else. */
class FakeContext {
  pixels = new Uint32Array(0);
  constructor(readonly canvas: HTMLCanvasElement) {}
  measureText = (text: string) => ({ width: text.length * 6 });
  getImageData = (_x: number, _y: number, width: number, height: number) =>
    new FakeImage(new Uint8ClampedArray(width * height * 4), width, height);
  clearRect = () => {
    this.pixels = new Uint32Array(this.canvas.width * this.canvas.height);
  };
  putImageData = (
    image: FakeImage,
    left: number,
    top: number,
    x = 0,
    y = 0,
    width = image.width,
    height = image.height,
  ) => {
    const whole = new Uint32Array(image.data.buffer, image.data.byteOffset, image.width * image.height);
    for (let row = y; row < Math.min(y + height, this.canvas.height - top); row++) {
      const start = row * image.width + x;
      this.pixels.set(whole.subarray(start, start + width), (top + row) * this.canvas.width + left + x);
    }
  };
}
class FakeImage {
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}
}
class FakeObserver {
  observe() {}
  disconnect() {}
}

const WIDTH = 200;
const contexts = new WeakMap<HTMLCanvasElement, unknown>();
function contextOf(this: HTMLCanvasElement): unknown {
  const known = contexts.get(this) ?? lenient(new FakeContext(this));
  contexts.set(this, known);
  return known;
}
/** Whatever else is called does nothing. */
function lenient(context: FakeContext): FakeContext {
  return new Proxy(context, {
    get: (target, name) => Reflect.get(target, name) ?? (() => undefined),
  });
}

let LineChart: typeof Chart;
beforeEach(async () => {
  vi.stubGlobal("ResizeObserver", FakeObserver);
  vi.stubGlobal("IntersectionObserver", FakeObserver);
  vi.stubGlobal("ImageData", FakeImage);
  vi.stubGlobal("Path2D", FakeObserver);
  vi.stubGlobal("matchMedia", () => ({ addEventListener: () => {}, removeEventListener: () => {} }));
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(contextOf as never);
  ({ LineChart } = await import("./chart"));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const line = (runId: string, colour: string): Line => ({ runId, name: runId, colour, dash: [], failed: false });
const SETTINGS: ChartSettings = {
  metric: "loss",
  lines: [line("a", "#ff8000"), line("b", "#0080ff")],
  window: "all",
  logScale: false,
  xKind: "step",
  smoothing: 0,
  zoom: null,
  at: null,
  marks: [],
};

/** A chart of some runs that is drawn by hand. */
function chartOf(series: ReadonlyMap<string, Series>, settings: ChartSettings): Chart {
  const root = document.createElement("div");
  root.style.setProperty("--bg-secondary", "#000000");
  root.style.setProperty("--grid-line", "#000080");
  const place = root.appendChild(document.createElement("div"));
  Object.defineProperties(place, { clientWidth: { value: WIDTH }, clientHeight: { value: 120 } });
  const host: ChartHost = {
    sourceOf: ({ runId }) => sourceOf(series.get(runId)),
    places: () => BY_STEP,
    exactAt: () => null,
    onDirty: () => {},
    onDrawn: () => {},
    onScale: () => {},
    onChosen: () => {},
  };
  return new LineChart(root, place, host, settings);
}

function sourceOf(series: Series | undefined): Source | null {
  if (series === undefined) return null;
  const { lastValue, lastStep, points, nonfinite: odd } = series;
  return { course: series.view(), revision: `${series.id} ${series.revision}`, odd, lastValue, lastStep, points };
}

function pixels(chart: Chart): Uint32Array {
  const canvas = chart.snapshot()?.canvas;
  if (canvas === undefined) throw new Error("Nothing is drawn.");
  return (canvas.getContext("2d") as unknown as FakeContext).pixels;
}

function draw(chart: Chart): Chart {
  chart.draw();
  return chart;
}

test("a chart that draws only what is new looks like one that is drawn for the first time", () => {
  const series = new Map(["a", "b"].map((runId) => [runId, new Series(200, 80, 50)]));
  const [a, b] = ["a", "b"].map((runId) => series.get(runId)) as [Series, Series];
  // The ends of the range of values, which is steady from then on.
  for (const value of [0, 100]) a.add(0, value);
  let settings: ChartSettings = { ...SETTINGS, zoom: [0, 450] };
  const kept = chartOf(series, settings);
  const change = (over: Partial<ChartSettings>) => {
    settings = { ...settings, ...over };
    kept.change(settings);
  };
  const fail = (runId: string) => settings.lines.map((line) => ({ ...line, failed: line.runId === runId }));
  const happenings: Record<number, () => void> = {
    50: () => change({ smoothing: 0.9 }),
    75: () => b.add(40, 77),
    100: () => change({ at: 60 }),
    110: () => change({ marks: [{ step: 30, kind: "error", text: "" }] }),
    125: () => change({ lines: fail("b") }),
    150: () => change({ smoothing: 0 }),
    175: () => change({ zoom: [0, 500] }),
    260: () => b.replace([], []),
  };
  for (let step = 1; step < 320; step++) {
    a.add(step, step % 17 === 0 ? Number.NaN : 50 + 40 * Math.sin(step * step));
    if (step < 120 && step % 7 === 0) b.add(step, 30 + (step % 50));
    happenings[step]?.();
    kept.draw();
    if (step % 9 > 0) continue;
    const whole = draw(chartOf(series, settings));
    expect(apart(pixels(kept), pixels(whole)), `at step ${step}`).toBeLessThanOrEqual(2);
    whole.destroy();
  }
});

/** How far the colours of two pictures are apart at most. */
function apart(left: Uint32Array, right: Uint32Array): number {
  const [one, other] = [left, right].map((each) => new Uint8Array(each.buffer)) as [Uint8Array, Uint8Array];
  expect(one.length).toBe(other.length);
  let most = 0;
  for (let at = 0; at < one.length; at++) most = Math.max(most, Math.abs((one[at] as number) - (other[at] as number)));
  return most;
}

test("whatever the values and the steps are, a chart is drawn and has a range that ends", () => {
  const many = (value: (step: number) => number, start = 0) =>
    Array.from({ length: 300 }, (_, step) => [start + step, value(step)] as const);
  for (const points of [
    [[0, 1]],
    [[5, Number.NaN]],
    [[1.7e18, 3]],
    many((step) => step, 1e16),
    many(() => 1e16),
    many((step) => 1e16 + 2 * (step % 2)),
    many((step) => (step % 2 === 0 ? 1e305 : -1e305)),
    many((step) => 1e17 * step),
    many((step) => (step % 5) - 2),
    many(() => 0),
    many((step) => 10 ** -step),
    many((step) => (step < 150 ? 1 : Number.POSITIVE_INFINITY)),
  ] as (readonly [number, number])[][]) {
    for (const logScale of [false, true, "auto"] as const) {
      const series = new Series(200, 80, 50);
      for (const [step, value] of points) series.add(step, value);
      const chart = draw(chartOf(new Map([["a", series]]), { ...SETTINGS, logScale }));
      chart.change({ ...SETTINGS, logScale, smoothing: 0.9, window: 100 });
      const snapshot = draw(chart).snapshot();
      const range = snapshot?.yRange ?? [0, 1];
      expect(range[0]).toBeLessThan(range[1]);
      expect(range.every(Number.isFinite)).toBe(true);
      chart.destroy();
    }
  }
});

test("values of more digits than the library has ticks for have a grid all the same", () => {
  const rules = (unit: number) => {
    const series = new Series();
    for (let step = 0; step < 50; step++) series.add(step, (1 + (step % 7)) * unit);
    const chart = draw(chartOf(new Map([["a", series]]), SETTINGS));
    const found = pixels(chart).filter((pixel, at) => at % WIDTH === WIDTH - 70 && pixel === 0xff800000).length;
    chart.destroy();
    return found;
  };
  expect(rules(1)).toBeGreaterThan(1);
  expect(rules(1e20)).toBe(rules(1));
});

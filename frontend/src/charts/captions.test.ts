import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BEAT_MS } from "../live/beat";
import { Captions } from "./captions";
import { Legend } from "./legend";
import type { DrawnLine } from "./line";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
});

const line = (lastValue: number): DrawnLine => ({
  runId: "a",
  name: "a",
  colour: "",
  paint: "#fff",
  dash: [],
  failed: false,
  end: null,
  lastValue,
  nonfinite: [],
  edge: null,
  sparse: false,
});
const source = (lastStep: number) => {
  const none = new Float64Array(0);
  const course = { x: none, mean: none, min: none, max: none, last: none, count: none };
  return { course, revision: null, odd: [], lastValue: 5, lastStep, points: lastStep };
};

test("what stands around a chart changes at the beat, but for what came or went", () => {
  const root = document.createElement("div");
  root.innerHTML = '<span class="chart-badge"></span><button class="chart-live" hidden></button>';
  const live = root.querySelector("button") as HTMLButtonElement;
  const captions = new Captions(root);
  const draw = (lastStep: number, more: number | null) => {
    captions.hold(more);
    captions.summarise("loss", [line(5)], [source(lastStep)]);
    return [live.hidden, live.textContent, root.ariaLabel];
  };
  expect(draw(1, 0)).toEqual([false, "UNZOOM", null]);
  expect(draw(2, 7)).toEqual([false, "UNZOOM", null]);
  vi.advanceTimersByTime(BEAT_MS);
  expect([live.textContent, root.ariaLabel]).toEqual(["LIVE +7", "loss: a 5.0000 at step 2"]);
  expect(draw(3, null)[0]).toBe(true);
});

test("names stand below a chart at once, their values change at the beat", () => {
  const place = document.createElement("div");
  const legend = new Legend(place);
  const show = (value: number) => {
    legend.show([{ line: line(value), smooth: null }], { width: 400, height: 300 });
    return place.querySelector("b")?.textContent;
  };
  expect(show(1)).toBe("1.0000");
  expect([show(2), show(3)]).toEqual(["1.0000", "1.0000"]);
  vi.advanceTimersByTime(BEAT_MS);
  expect(place.textContent).toBe("a3.0000");
});

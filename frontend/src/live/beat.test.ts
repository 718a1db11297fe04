// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BEAT_MS, onBeat } from "./beat";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("all who wait are called at the same moment, once", () => {
  const told: [string, number][] = [];
  const note = (who: string) => () => told.push([who, performance.now()]);
  onBeat(note("a"));
  vi.advanceTimersByTime(BEAT_MS / 3);
  onBeat(note("b"));
  vi.advanceTimersByTime(BEAT_MS);
  onBeat(note("c"));
  vi.advanceTimersByTime(3 * BEAT_MS);
  expect(told.map(([who]) => who)).toEqual(["a", "b", "c"]);
  const [a, b, c] = told.map(([, time]) => time) as [number, number, number];
  expect(a).toBe(b);
  expect(Math.abs((c - a) % BEAT_MS) % (BEAT_MS - 2)).toBeLessThan(2);
  expect(c).toBeGreaterThan(b);
});

test("who waits for the next beat while one is told of is called at the one after", () => {
  let beats = 0;
  const again = () => {
    beats += 1;
    onBeat(again);
  };
  onBeat(again);
  vi.advanceTimersByTime(4 * BEAT_MS);
  expect(beats).toBe(4);
});

test("one who fails is told of, and keeps nobody from the beat", () => {
  const told = vi.fn();
  vi.stubGlobal("reportError", told);
  const failure = new Error("no text");
  const sound = vi.fn();
  onBeat(() => {
    throw failure;
  });
  onBeat(sound);
  vi.advanceTimersByTime(BEAT_MS);
  expect(sound).toHaveBeenCalledOnce();
  expect(told.mock.calls).toEqual([[failure]]);
});

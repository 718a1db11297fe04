// @vitest-environment node
import { expect, test } from "vitest";
import { Lag } from "./lag";

test("lag runs from the log call to the frame that shows its run", () => {
  const lag = new Lag();
  lag.arrived("a", 1, [1000], 1080);
  lag.arrived("b", 1, [1000], 1080);
  lag.drawn(["a"], 1100);
  expect(lag.quantile(0.5, 1100)).toBe(100);
  lag.drawn(["b"], 1400);
  expect([lag.quantile(0.5, 1400), lag.quantile(0.95, 1400)]).toEqual([100, 400]);
});

test("a frame without new points adds nothing", () => {
  const lag = new Lag();
  lag.drawn(["a"], 5000);
  expect(lag.quantile(0.5, 5000)).toBeNull();
});

test("quantiles are those of the last minute", () => {
  const lag = new Lag();
  for (let index = 1; index <= 100; index++) {
    lag.arrived("a", 1, [1000 - index], 1000);
    lag.drawn(["a"], 1000);
  }
  expect([lag.quantile(0.5, 2000), lag.quantile(0.95, 2000)]).toEqual([50, 95]);
  expect(lag.quantile(0.5, 61_001)).toBeNull();
});

test("a clock that is ahead of this one gives no negative lag", () => {
  const lag = new Lag();
  lag.arrived("a", 1, [2000], 1000);
  lag.drawn(["a"], 1000);
  expect(lag.quantile(0.5, 1000)).toBe(0);
});

test("what waited while the tab was hidden does not count", () => {
  const lag = new Lag();
  lag.arrived("a", 1, [1000], 1010);
  lag.skip();
  lag.drawn(["a"], 90_000);
  expect(lag.quantile(0.5, 90_000)).toBeNull();
});

test("points per second are the mean of the last five", () => {
  const lag = new Lag();
  lag.arrived("a", 100, [], 1000);
  lag.arrived("b", 400, [], 4000);
  expect(lag.pointsPerSecond(4500)).toBe(100);
  expect(lag.pointsPerSecond(8000)).toBe(80);
  expect(lag.pointsPerSecond(20_000)).toBe(0);
});

import { expect, test } from "vitest";
import { aRun } from "../fixtures";
import { brief, elapsedSeconds, fraction, secondsLeft } from "./progress";

const AFTER_100_S = Date.parse("2026-11-23T14:01:40Z");

test("time left follows from the pace so far", () => {
  expect(secondsLeft(aRun(), 250, AFTER_100_S)).toBe(300);
});

test("there is no time left to tell without a length, a step or a run that goes on", () => {
  expect(secondsLeft(aRun({ total_steps: null }), 250, AFTER_100_S)).toBeNull();
  expect(secondsLeft(aRun(), 0, AFTER_100_S)).toBeNull();
  expect(secondsLeft(aRun({ status: "failed" }), 250, AFTER_100_S)).toBeNull();
});

test("elapsed time stops at the end and is never negative", () => {
  expect(elapsedSeconds(aRun({ end_time: "2026-11-23T14:00:30Z" }), AFTER_100_S)).toBe(30);
  expect(elapsedSeconds(aRun(), Date.parse("2026-11-23T13:00:00Z"))).toBe(0);
});

test("the done part stays between nothing and all", () => {
  expect([fraction(-5, 10), fraction(5, 10), fraction(50, 10), fraction(5, 0)]).toEqual([0, 0.5, 1, null]);
});

test.each([
  [-3, "0s"],
  [59.9, "59s"],
  [61, "1m"],
  [3599, "59m"],
  [3600, "1h"],
  [6300, "1.8h"],
  [43_000, "11h"],
  [86_400 * 3.24, "3.2d"],
  [86_400 * 40, "40d"],
])("%s seconds are %s in few letters", (seconds, text) => {
  expect(brief(seconds)).toBe(text);
});

// @vitest-environment node
import { describe, expect, test } from "vitest";
import { age, bytes, clock, dated, day, duration, NOTHING, percent, short, step, toNumber, value } from "./format";

describe("value", () => {
  test.each([
    [2.28714, "2.2871"],
    [-0.5, "-0.5000"],
    [0, "0.0000"],
    [87.3071, "87.307"],
    [412.5, "412.50"],
    [15_000, "15000.0"],
    [412_000, "412k"],
    [0.000154, "1.54e-4"],
    [7.13e196, "7.1e196"],
    [Number.NaN, "NaN"],
    ["NaN", "NaN"],
    ["Infinity", "+Inf"],
    ["-Infinity", "-Inf"],
    [null, NOTHING],
    [undefined, NOTHING],
  ])("%s reads %s", (raw, text) => expect(value(raw)).toBe(text));
});

test("the strings of the wire are numbers, other things are none", () => {
  expect(toNumber("-Infinity")).toBe(Number.NEGATIVE_INFINITY);
  expect(toNumber("NaN")).toBeNaN();
  expect(toNumber({})).toBeNull();
  expect(toNumber("")).toBeNull();
});

test("steps mark thousands and keep fractions", () => {
  expect([step(14_812), step(0), step(0.5), step(null)]).toEqual(["14,812", "0", "0.5", NOTHING]);
});

test("short numbers take the next unit when they round up to it", () => {
  expect([short(999), short(999_700), short(1.31e9), short(20_000)]).toEqual(["999", "1M", "1.31B", "20k"]);
});

test("bytes count in units of 1024 and never read 1024.00 of a smaller one", () => {
  expect([bytes(0), bytes(1023), bytes(1024), bytes(1024 ** 2 - 1), bytes(11.04 * 1024 ** 3)]).toEqual([
    "0 B",
    "1023 B",
    "1.00 KB",
    "1.00 MB",
    "11.04 GB",
  ]);
});

test("durations show their two largest units", () => {
  expect([0, 12, 245, 26_464, 520_000].map(duration)).toEqual(["0s", "12s", "4m 05s", "7h 21m", "6d 00h"]);
  expect(duration(Number.NaN)).toBe(NOTHING);
});

test("ages show one unit and never go below zero", () => {
  expect([-5, 12_400, 185_000, 7_300_000, 200_000_000].map(age)).toEqual(["0 s", "12 s", "3 m", "2 h", "2 d"]);
});

test("moments are UTC, from microseconds or RFC 3339", () => {
  const micros = Date.UTC(2026, 10, 23, 14, 32, 7, 118) * 1000;
  expect(clock(micros)).toBe("14:32:07.118");
  expect(day(micros)).toBe("2026-11-23 14:32");
  expect(day("2026-11-23T14:32:07.118000Z")).toBe("2026-11-23 14:32");
  expect(dated(micros)).toBe("2026-11-23 14:32 UTC");
});

test.each([null, undefined, "soon", 9e21, Number.NaN])("%s is no moment", (moment) => {
  expect([day(moment), dated(moment)]).toEqual([NOTHING, NOTHING]);
  expect(clock(moment as number)).toBe(NOTHING);
});

test("percentages have one digit after the point", () => {
  expect([percent(41.84), percent(100), percent(null)]).toEqual(["41.8", "100.0", NOTHING]);
});

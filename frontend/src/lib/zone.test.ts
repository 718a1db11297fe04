// @vitest-environment node
import { afterEach, expect, test, vi } from "vitest";
import { clock, dated } from "./format";
import { tellTimesIn, written, zoneName } from "./zone";

// Before any date is made: where this browser is.
vi.hoisted(() => {
  process.env.TZ = "America/New_York";
});
afterEach(() => tellTimesIn("UTC"));

const winter = Date.UTC(2026, 10, 23, 2, 32, 7, 118);
const summer = Date.UTC(2026, 6, 1, 2, 32);

test("UTC is UTC wherever the browser is", () => {
  expect([written(winter), zoneName(winter)]).toEqual(["2026-11-23 02:32:07.118", "UTC"]);
});

test("the browser's zone knows its daylight saving, and may be at another day", () => {
  tellTimesIn("LOCAL");
  expect([written(winter), zoneName(winter)]).toEqual(["2026-11-22 21:32:07.118", "EST"]);
  expect([written(summer), zoneName(summer)]).toEqual(["2026-06-30 22:32:00.000", "EDT"]);
});

test("the page's times obey it, from microseconds or RFC 3339", () => {
  tellTimesIn("LOCAL");
  expect(clock(winter * 1000)).toBe("21:32:07.118");
  expect(dated(new Date(summer).toISOString())).toBe("2026-06-30 22:32 EDT");
});

test("what is no moment can't be written", () => {
  expect([written(Number.NaN), written(9e18)]).toEqual([null, null]);
});

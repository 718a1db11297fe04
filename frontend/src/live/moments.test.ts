import { expect, test, vi } from "vitest";
import { type Course, counterpart, type ReadCourse } from "./moments";

const POINTS = 1_000_000;
const timeOf = (step: number) => 5_000 + step * 7;

/** Points at each third step, one each 21 units of time, in buckets as the server makes them. */
const read = vi.fn<ReadCourse>(async (axis, { from = 0, to = Number.POSITIVE_INFINITY }, points): Promise<Course> => {
  const place = (number: number) => (axis === "step" ? number * 3 : timeOf(number * 3));
  const number = (x: number) => (axis === "step" ? x / 3 : (x - 5_000) / 21);
  const first = Math.max(0, Math.ceil(number(from)));
  const last = Math.min(POINTS - 1, Math.floor(number(to)));
  const stored = Math.max(0, last - first + 1);
  const size = Math.max(1, Math.ceil(stored / points));
  const x: number[] = [];
  const count: number[] = [];
  for (let at = first; at <= last; at += size) {
    x.push(place(at));
    count.push(Math.min(size, last - at + 1));
  }
  return { x, count, stored };
});

test("the step of a time is that of the last point before it, exactly, in a long run too", async () => {
  expect(await counterpart(read, "time", timeOf(1_500_000) + 3)).toBe(1_500_000);
  expect(await counterpart(read, "time", timeOf(0))).toBe(0);
  expect(await counterpart(read, "time", timeOf(10_000_000))).toBe((POINTS - 1) * 3);
  read.mockClear();
  await counterpart(read, "time", timeOf(2_999_997) + 1);
  expect(read.mock.calls.length).toBeLessThan(5);
});

test("before the first point there is no step", async () => {
  expect(await counterpart(read, "time", 10)).toBeNull();
});

test("a run goes on from a step when its next point comes; at the end it has not yet", async () => {
  expect(await counterpart(read, "step", 300, true)).toBe(timeOf(303));
  expect(await counterpart(read, "step", 301, true)).toBe(timeOf(303));
  expect(await counterpart(read, "step", -1, true)).toBe(timeOf(0));
  expect(await counterpart(read, "step", (POINTS - 1) * 3, true)).toBeNull();
});

// @vitest-environment node
import { expect, test } from "vitest";
import { Series } from "../live/series";
import { pointsAfter } from "./data";
import { Entries } from "./entries";
import type { Source } from "./source";

function sourceOf(series: Series): Source {
  const { lastValue, lastStep, points, nonfinite: odd } = series;
  return { course: series.view(), revision: `${series.id} ${series.revision}`, odd, lastValue, lastStep, points };
}

function grown(...values: number[]): Series {
  const made = new Series();
  for (const [step, value] of values.entries()) made.add(step, value);
  return made;
}

const RANGE = [0, 10] as const;

test("what is new of each line is known until it was drawn", () => {
  const [entries, first, second] = [new Entries(), grown(1, 2, 3), grown(4, 5)];
  const reduce = (smoothing = 0) => entries.reduce([sourceOf(first), null, sourceOf(second)], smoothing, RANGE, 100);
  reduce();
  expect(entries.own.map(({ value }) => value)).toEqual([[1, 2, 3], [], [4, 5]]);
  entries.drawn();
  first.add(3, 4);
  reduce();
  first.add(4, 5);
  reduce();
  const [since, , nothing] = entries.changed;
  expect([since, nothing]).toEqual([2, Number.POSITIVE_INFINITY]);
  expect(entries.x).toEqual([0, 1, 2, 3, 4]);
  entries.drawn();
  first.add(1, 9);
  reduce();
  expect(entries.changed[0]).toBe(Number.NEGATIVE_INFINITY);
  entries.drawn();
  reduce(0.5);
  expect([entries.changed[0], entries.own[0]?.smooth?.length]).toEqual([Number.NEGATIVE_INFINITY, 5]);
});

test("a line that takes another's place is new, and so is one that comes back", () => {
  const [entries, first, second] = [new Entries(), sourceOf(grown(1, 2, 3)), sourceOf(grown(4, 5))];
  for (const sources of [[first], [second], [null], [second], [], [second]]) {
    entries.reduce(sources, 0, RANGE, 100);
    expect(entries.changed).toEqual(sources.map(() => Number.NEGATIVE_INFINITY));
    expect(entries.own.map(({ x }) => x.length)).toEqual(sources.map((source) => source?.course.x.length ?? 0));
    entries.drawn();
  }
});

test("points after a place are counted for all courses together", () => {
  const course = grown(1, 2, 3, 4);
  course.add(3, 9);
  expect(pointsAfter([course.view(), null, grown(1, 2).view()], 0)).toBe(5);
  expect(pointsAfter([course.view()], 3)).toBe(0);
});

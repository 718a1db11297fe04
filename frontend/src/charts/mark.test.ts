// @vitest-environment node
import { expect, test } from "vitest";
import { marksNear, type PlacedMark, thinned } from "./mark";

const mark = (x: number, kind: PlacedMark["kind"] = "checkpoint"): PlacedMark => ({ x, step: x, kind, text: `${x}` });

test("marks near a place are told, the nearest first", () => {
  const found = marksNear([mark(10), mark(14), mark(15), mark(20)], 14, 4);
  expect(found.map(({ x }) => x)).toEqual([14, 15, 10]);
});

test("of marks that would cover one another the most telling stays, at either edge", () => {
  const kept = thinned([mark(1), mark(2, "best"), mark(3), mark(3, "warning"), mark(4, "error"), mark(25)], 10);
  expect(kept.map(({ x, kind }) => [x, kind])).toEqual([
    [4, "error"],
    [2, "best"],
    [25, "checkpoint"],
  ]);
});

test("marks that are far enough apart all stay", () => {
  expect(thinned([mark(1), mark(11), mark(21)], 10)).toHaveLength(3);
});

// @vitest-environment node

import { expect, test } from "vitest";
import type { Run } from "../../services/types";
import { aRun } from "../fixtures";
import { nextSort, ordered, orderIn } from "./order";

const NOW = Date.parse("2026-11-23T15:00:00Z");
const loss = (last: unknown) => ({ loss: { last } }) as unknown as Run["summary"];
const made = (number: number, changes: Partial<Run> = {}) =>
  aRun({ id: `r${number}`, number, name: `run ${number}`, created_at: `2026-11-${10 + number}T00:00:00Z`, ...changes });
const sorted = (runs: readonly Run[], sort: string) => ordered(runs, orderIn(sort), NOW).map((run) => run.number);

test("nothing, or what is no column, is the newest first, and number the oldest", () => {
  const runs = [made(3), made(2), made(1)];
  for (const sort of ["", "-number", "colour", "-"]) expect(sorted(runs, sort)).toEqual([3, 2, 1]);
  expect(sorted(runs, "number")).toEqual([1, 2, 3]);
});

test("names as people count them", () => {
  const runs = [made(3, { name: "Lr 10" }), made(2, { name: "lr 9" }), made(1, { name: "a" })];
  expect(sorted(runs, "name")).toEqual([1, 2, 3]);
  expect(sorted(runs, "-name")).toEqual([3, 2, 1]);
});

test("a run without a step or a value that can be compared is last, whichever the direction", () => {
  const runs = [
    made(4, { step: null }),
    made(3, { step: 5, summary: loss("NaN") }),
    made(2, { step: 9, summary: loss(1) }),
  ];
  expect(sorted(runs, "step")).toEqual([3, 2, 4]);
  expect(sorted(runs, "-step")).toEqual([2, 3, 4]);
  const more = [...runs, made(1, { summary: loss("-Infinity") })];
  expect(sorted(more, "loss")).toEqual([1, 2, 4, 3]);
  expect(sorted(more, "-loss")).toEqual([2, 1, 4, 3]);
});

test("ties stay newest first", () => {
  expect(sorted([made(3), made(2), made(1)], "status")).toEqual([3, 2, 1]);
});

test("age is that of the newest point of what runs, then how long the others took", () => {
  const runs = [
    made(4, { last_time: "2026-11-23T14:59:00Z" }),
    made(3, { last_time: "2026-11-23T14:59:50Z" }),
    made(2, { status: "completed", end_time: "2026-11-23T14:30:00Z" }),
    made(1, { status: "failed", end_time: "2026-11-23T14:10:00Z" }),
  ];
  expect(sorted(runs, "age")).toEqual([3, 4, 1, 2]);
});

test("who needs somebody comes first: failed today by its end, silent, diverged, failed before, the rest", () => {
  const runs = [
    made(8, { status: "failed", end_time: "2026-11-21T10:00:00Z" }),
    made(7),
    made(6, { summary: loss("NaN") }),
    made(5, { health: "stalled" }),
    made(4, { status: "failed", end_time: "2026-11-23T10:00:00Z" }),
    made(3, { status: "completed" }),
    made(2, { status: "crashed", end_time: "2026-11-23T12:00:00Z" }),
  ];
  expect(sorted(runs, "attention")).toEqual([2, 4, 5, 6, 8, 7, 3]);
});

test("a heading sorts by its column, then the other way, then as it was", () => {
  expect(nextSort("", "name")).toBe("name");
  expect(nextSort("name", "name")).toBe("-name");
  expect(nextSort("-name", "name")).toBe("");
  expect(nextSort("-name", "loss")).toBe("loss");
  expect(nextSort("", "step")).toBe("-step");
  expect(nextSort("-step", "step")).toBe("step");
  expect(nextSort("step", "step")).toBe("");
  expect(nextSort("", "number")).toBe("number");
  expect(nextSort("number", "number")).toBe("");
});

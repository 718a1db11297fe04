// @vitest-environment node

import { expect, test } from "vitest";
import { aRun } from "../components/fixtures";
import { factsOf } from "./facts";

const first = aRun();
const second = aRun({ id: "run_2", number: 2 });

test("steps leave the list as it was, however many come", () => {
  const runs = factsOf([first, second]);
  expect(factsOf([{ ...first, step: 101, last_time: "2026-11-23T14:02:00Z", summary: {} }, second])).toBe(runs);
  expect(factsOf([{ ...first, step: 102 }, second])).toBe(runs);
});

test.each([
  ["a name", [{ ...first, name: "other" }, second]],
  ["a status", [{ ...first, status: "failed" as const }, second]],
  ["tags", [{ ...first, tags: ["a"] }, second]],
  ["a run more", [aRun({ id: "run_3" }), first, second]],
  ["a run less", [second]],
  ["another run", [first, aRun({ id: "run_3", number: 3 })]],
])("%s makes another list", (_, changed) => {
  const runs = factsOf([first, second]);
  expect(factsOf(changed)).toBe(changed);
  expect(runs).not.toBe(changed);
});

test("the same list is the same again when it was overtaken", () => {
  const runs = [first, second];
  const facts = factsOf(runs);
  factsOf([second]);
  expect(factsOf(runs)).toBe(facts);
});

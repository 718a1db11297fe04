// @vitest-environment node

import { expect, test } from "vitest";
import type { Run } from "../../services/types";
import { aRun } from "../fixtures";
import { reasonOf } from "./attention";

const NOW = Date.parse("2026-11-23T15:00:00Z");
const told = (last: unknown) => ({ "train/loss": { last } }) as unknown as Run["summary"];

test.each<[string | null, Partial<Run>]>([
  ["FAILED FloatingPointError", { status: "failed", reason: "FloatingPointError\n  at step 3" }],
  ["CRASHED", { status: "crashed" }],
  ["STALLED 3m", { health: "stalled", last_time: "2026-11-23T14:56:20Z" }],
  ["LOST 2.5h", { health: "disconnected", last_time: "2026-11-23T12:30:00Z" }],
  ["LOST", { health: "disconnected", last_time: null }],
  ["train/loss NaN", { summary: told("NaN") }],
  ["train/loss +Inf", { summary: told("Infinity"), status: "completed" }],
  [null, { summary: told(2.5) }],
  [null, { health: "stalled", status: "completed" }],
])("%s", (reason, changes) => {
  expect(reasonOf(aRun(changes), NOW)).toBe(reason);
});

test("a long reason is cut to a line", () => {
  expect(reasonOf(aRun({ status: "failed", reason: "x".repeat(500) }), NOW)?.length).toBeLessThan(70);
});

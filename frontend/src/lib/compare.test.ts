// @vitest-environment node
import { expect, test } from "vitest";
import type { Run } from "../services/types";
import { companions, Slots } from "./compare";

const run = (id: string, start: number, end: number | null, project = "p") =>
  ({
    id,
    project,
    start_time: new Date(start).toISOString(),
    end_time: end === null ? null : new Date(end).toISOString(),
    created_at: new Date(start).toISOString(),
  }) as Run;

test("runs of the project that ran at the same time are drawn together, the selected one first", () => {
  const selected = run("a", 100, 200);
  const others = [run("b", 150, null), selected, run("c", 10, 50), run("d", 120, 130), run("e", 120, 130, "q")];
  expect(companions(selected, others)).toEqual(["a", "b", "d"]);
});

test("a run keeps its colour while it is drawn, and who comes later takes a free one", () => {
  const slots = new Slots();
  slots.assign(["a", "b", "c"]);
  expect(["a", "b", "c"].map((id) => slots.colourOf(id))).toEqual(["var(--s1)", "var(--s2)", "var(--s3)"]);
  slots.assign(["c", "a", "d"]);
  expect(["c", "a", "d"].map((id) => slots.colourOf(id))).toEqual(["var(--s3)", "var(--s1)", "var(--s2)"]);
});

test("no two of twelve lines share both colour and dash, and none of six shares either", () => {
  const slots = new Slots();
  const ids = Array.from({ length: 12 }, (_, index) => `r${index}`);
  slots.assign(ids);
  const looks = ids.map((id) => `${slots.colourOf(id)} ${slots.dashOf(id).join()}`);
  expect(new Set(looks).size).toBe(12);
  expect(new Set(ids.slice(0, 6).map((id) => slots.dashOf(id).join())).size).toBe(6);
});

test("a run that is not drawn has no colour of its own", () => {
  expect(new Slots().colourOf("x")).toBe("var(--text-dim)");
});

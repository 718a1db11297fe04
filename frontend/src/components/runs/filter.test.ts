// @vitest-environment node

import { expect, test } from "vitest";
import type { Run } from "../../services/types";
import { aRun } from "../fixtures";
import { filterIn } from "./filter";

const summary = {
  "train/loss": { last: 2.4 },
  acc: { last: "NaN" },
  "val/loss": { last: 3 },
} as unknown as Run["summary"];
const runs = [
  aRun({
    id: "a",
    number: 1,
    name: "Transformer base",
    project: "lm",
    tags: ["keep", "long run"],
    host: "gpu7",
    summary,
  }),
  aRun({
    id: "b",
    number: 2,
    name: "cnn",
    status: "failed",
    notes: "diverged early",
    group: "sweep",
    config: { optim: { lr: 0.001, name: "AdamW" }, "data.path": "/x", deep: { "a.b": { c: true } } },
  }),
  aRun({ id: "c", number: 3, name: "cnn 2", health: "stalled", tags: ["keep"] }),
];
const found = (text: string) =>
  runs
    .filter(filterIn(text).test)
    .map((run) => run.id)
    .join("");

test.each<[string, string]>([
  ["", "abc"],
  ["  ", "abc"],
  ["CNN", "bc"],
  ["cnn diverged", "b"],
  ["lm", "a"],
  ["gpu7", "a"],
  ["sweep", "b"],
  ["keep", "ac"],
  ["r3", "c"],
  ['"cnn 2"', "c"],
  ["status:running", "ac"],
  ["status:fail", "b"],
  ["status:stalled", "c"],
  ["tag:keep", "ac"],
  ["tag:kee", ""],
  ['tag:"long run"', "a"],
  ["project:LM", "a"],
  ["name:former", "a"],
  ["train/loss<2.5", "a"],
  ["train/loss<=2.4", "a"],
  ["train/loss<2.4", ""],
  ["train/loss>2", "a"],
  ["loss=2.4", "a"],
  ["acc=nan", "a"],
  ["config.optim.lr=1e-3", "b"],
  ["config.optim.lr<0.01", "b"],
  ["config.optim.name=adamw", "b"],
  ["config.optim.name!=adamw", "ac"],
  ["config.data.path=/x", "b"],
  ["config.deep.a.b.c=true", "b"],
  ["config.none=1", ""],
  ["lr=0.001", "b"],
  ["lr<0.01", "b"],
  ["optim.name=adamw", "b"],
  ["optim.name!=sgd", "b"],
  ["constructor=1", ""],
  ["config.constructor=1", ""],
])("%s finds %s", (text, ids) => {
  expect(found(text)).toBe(ids);
  expect(filterIn(text).message).toBeNull();
});

test.each<[string, string, string]>([
  ["cnn loss<x", "bc", "loss<x: not a number."],
  ["cnn loss<", "bc", "loss< what?"],
  ["cnn tag:", "bc", "tag: what?"],
  ["status:odd cnn", "bc", 'No status "odd"'],
])("%s: what can be read filters, the rest is told", (text, ids, message) => {
  expect(found(text)).toBe(ids);
  expect(filterIn(text).message).toContain(message);
});

test("an empty filter says so", () => {
  expect(filterIn(" ").empty).toBe(true);
  expect(filterIn("x").empty).toBe(false);
});

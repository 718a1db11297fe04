// @vitest-environment node

import { expect, test } from "vitest";
import { aRun } from "../fixtures";
import { changedTags, countTags, tagsIn } from "./tags";

test("tags are parted by commas, each once", () => {
  expect(tagsIn(" keep, long run,,keep ")).toEqual(["keep", "long run"]);
  expect(tagsIn("")).toEqual([]);
});

test("words add, and take away with a minus", () => {
  expect(changedTags({ tags: ["a", "b"] }, "c, -a, - b, c")).toEqual(["c"]);
  expect(changedTags({ tags: ["a"] }, "a")).toEqual(["a"]);
});

test("tags are counted over the runs", () => {
  expect(countTags([aRun({ tags: ["b", "a"] }), aRun({ tags: ["b"] })])).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
});

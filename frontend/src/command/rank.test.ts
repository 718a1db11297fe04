import { expect, test } from "vitest";
import { best, distance, rank } from "./rank";

test("the same is better than the beginning, which is better than a part, which is better than letters here and there", () => {
  const scores = ["loss", "lossy", "val/loss", "glossy", "l o s s"].map((text) => rank("loss", text) as number);
  expect([...scores].sort((left, right) => right - left)).toEqual(scores);
  expect(new Set(scores).size).toBe(scores.length);
});

test("letters that are not there in their order are no answer", () => {
  expect(rank("lss", "slo")).toBeNull();
  expect(rank("417/g", "layer.41/grad")).toBeNull();
  expect(rank("417/g", "layer.417/grad_norm")).not.toBeNull();
});

test("the best come first, and no more than asked for", () => {
  expect(best("st", ["last", "stop", "start"], (text) => text, 2).map(({ item }) => item)).toEqual(["stop", "start"]);
});

test.each([
  ["", "abc", 3],
  ["losss", "loss", 1],
  ["cmp", "cmp", 0],
  ["cpm", "cmp", 1],
  ["kitten", "sitting", 3],
] as const)("from %s to %s it is %d letters", (left, right, far) => expect(distance(left, right)).toBe(far));

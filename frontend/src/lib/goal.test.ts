// @vitest-environment node
import { expect, test } from "vitest";
import { direction, goalOf } from "./goal";

test("losses go down, scores go up, the rest has no goal", () => {
  expect(["val/loss", "error_rate", "Perplexity"].map(goalOf)).toEqual(["min", "min", "min"]);
  expect(["val/accuracy", "acc", "macro_f1", "roc_auc", "mean_reward"].map(goalOf)).toEqual(Array(5).fill("max"));
  expect(["lr", "accumulation", "epoch"].map(goalOf)).toEqual([null, null, null]);
});

test("good follows the metric's goal, not the sign", () => {
  expect(direction("loss", 1, 2)).toBe("good");
  expect(direction("loss", 2, 1)).toBe("bad");
  expect(direction("acc", 2, 1)).toBe("good");
  expect(direction("lr", 2, 1)).toBeNull();
  expect(direction("loss", 1, 1)).toBeNull();
  expect(direction("loss", 1, null)).toBeNull();
});

test("a value that is no longer finite is bad", () => {
  expect(direction("loss", Number.NaN, 2)).toBe("bad");
});

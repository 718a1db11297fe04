import { expect, test } from "vitest";
import { sparkPath } from "./sparkPath";

test("the lowest value stands at the bottom, the highest at the top", () => {
  expect(sparkPath([1, 2, 3], 20, 12)).toBe("M0.0 11.0L10.0 6.0L20.0 1.0");
});

test("a value that is not finite leaves a gap", () => {
  expect(sparkPath([1, Number.NaN, 3, 3], 30, 12)).toBe("M0.0 11.0M20.0 1.0L30.0 1.0");
});

test("a steady value runs in the middle, and a single one draws nothing", () => {
  expect(sparkPath([5, 5], 10, 12)).toBe("M0.0 6.0L10.0 6.0");
  expect(sparkPath([5], 10, 12)).toBe("");
});

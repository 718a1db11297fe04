import { expect, test } from "vitest";
import { areaPaths } from "./area";

const box = { width: 100, height: 12, from: 0, to: 100, top: 100 };
const line = (x: number[], mean: (number | null)[]) => ({ x, mean, min: mean, max: mean });

test("time runs across, the value up, and the area reaches the ground", () => {
  expect(areaPaths(line([0, 100], [0, 100]), box)).toEqual({
    line: "M0.0 11.0L100.0 1.0",
    area: "M0.0 11.0L100.0 1.0L100.0 12L0.0 12Z",
  });
});

test("a missing sample parts the line, and what is older than the span is left out", () => {
  expect(areaPaths(line([-50, 0, 50, 100], [50, 0, null, 100]), box).line).toBe("M0.0 11.0M100.0 1.0");
});

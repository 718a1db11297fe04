import { expect, test } from "vitest";
import { nextId, shortTitleOf, titleOf, typeOf } from "./panels";

test("an id tells what the panel shows", () => {
  expect(["runs", "chart-1", "note-12"].map(typeOf)).toEqual(["runs", "chart", "note"]);
  expect(["chart", "runs-1", "chart-0", "chart-01", "toString", "constructor-1", "", "x y"].map(typeOf)).toEqual(
    Array(8).fill(null),
  );
});

test("panels of which there are several count", () => {
  expect(nextId("chart", ["chart-1", "chart-3"])).toBe("chart-2");
  expect(nextId("runs", ["runs"])).toBe("runs");
  expect([titleOf("chart-1"), titleOf("chart-2"), titleOf("runs"), shortTitleOf("checkpoints"), titleOf("?")]).toEqual([
    "CHART",
    "CHART 2",
    "RUN LIST",
    "CKPT",
    "?",
  ]);
});

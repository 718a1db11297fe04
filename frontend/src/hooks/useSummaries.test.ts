import { expect, test } from "vitest";
import { blocksOf } from "./useSummaries";

const names = Array.from({ length: 70 }, (_, index) => `m${index}`);

test("rows in view are asked for in whole blocks, the last one as long as there are names", () => {
  expect(blocksOf(names, 31, 32).map((block) => [block[0], block.length])).toEqual([
    ["m0", 32],
    ["m32", 32],
  ]);
  expect(blocksOf(names, 65, 90).map((block) => [block[0], block.length])).toEqual([["m64", 6]]);
  expect(blocksOf([], 0, 0)).toEqual([]);
});

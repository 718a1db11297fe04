import { expect, test } from "vitest";
import { dropAt, edgesIn, neighbourOf, placesIn } from "./geometry";
import { defaultTree, split, stackOf } from "./tree";

const tree = split("row", [stackOf("a"), split("column", [stackOf("b"), stackOf("c")], [1, 3])], [3, 1]);

test("every place is a part of the screen", () => {
  expect(placesIn(tree).map(({ stack, rect }) => [stack.active, rect])).toEqual([
    ["a", { x: 0, y: 0, width: 0.75, height: 1 }],
    ["b", { x: 0.75, y: 0, width: 0.25, height: 0.25 }],
    ["c", { x: 0.75, y: 0.25, width: 0.25, height: 0.75 }],
  ]);
});

test("between neighbours lies a line that knows what they share", () => {
  expect(edgesIn(tree)).toEqual([
    {
      direction: "row",
      before: "a",
      after: "b",
      from: 0,
      to: 1,
      share: 0.75,
      rect: { x: 0.75, y: 0, width: 0, height: 1 },
    },
    {
      direction: "column",
      before: "b",
      after: "c",
      from: 0,
      to: 1,
      share: 0.25,
      rect: { x: 0.75, y: 0.25, width: 0.25, height: 0 },
    },
  ]);
  expect(edgesIn(defaultTree())).toHaveLength(7);
});

test("a neighbour is the one with the longest common border", () => {
  expect([neighbourOf(tree, "a", "right"), neighbourOf(tree, "b", "left"), neighbourOf(tree, "b", "bottom")]).toEqual([
    "c",
    "a",
    "c",
  ]);
  expect([neighbourOf(tree, "a", "left"), neighbourOf(tree, "a", "top"), neighbourOf(tree, "none", "top")]).toEqual([
    null,
    null,
    null,
  ]);
  expect(neighbourOf(defaultTree(), "checkpoints", "top")).not.toBeNull();
  expect(neighbourOf(defaultTree(), "config", "bottom")).toBe("actions");
});

test("a drop near an edge goes to that side, in the middle it makes a tab", () => {
  const places = placesIn(tree);
  const at = (x: number, y: number) => dropAt(places, x, y);
  expect(at(0.05, 0.5)).toEqual({ target: "a", side: "left", rect: { x: 0, y: 0, width: 0.375, height: 1 } });
  expect(at(0.7, 0.5)).toMatchObject({ target: "a", side: "right", rect: { x: 0.375 } });
  expect(at(0.4, 0.05)).toMatchObject({ target: "a", side: "top" });
  expect(at(0.4, 0.99)).toMatchObject({ target: "a", side: "bottom", rect: { y: 0.5, height: 0.5 } });
  expect(at(0.375, 0.5)).toEqual({ target: "a", side: "tab", rect: { x: 0, y: 0, width: 0.75, height: 1 } });
  expect(at(0.8, 0.99)).toMatchObject({ target: "c", side: "bottom" });
  expect([at(-0.1, 0.5), at(0.5, 1)]).toEqual([null, null]);
});

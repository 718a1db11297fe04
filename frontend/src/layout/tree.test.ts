import { describe, expect, test } from "vitest";
import {
  activate,
  defaultTree,
  equalise,
  findStack,
  folded,
  grow,
  insert,
  insertAtEdge,
  isStack,
  move,
  type PanelId,
  panelsIn,
  remove,
  resize,
  rowsIn,
  type Side,
  split,
  stackOf,
  swap,
  type Tree,
} from "./tree";

const a = stackOf("a");
const b = stackOf("b");
const c = stackOf("c");

/** `row(a 0.25, column(b, c) 0.75)` */
function told(tree: Tree | null): string {
  if (tree === null) return "nothing";
  if (isStack(tree)) return tree.panels.map((id) => (id === tree.active && tree.panels[1] ? `${id}*` : id)).join("+");
  const parts = tree.children.map((child, at) => `${told(child)} ${Number((tree.sizes[at] ?? 0).toFixed(3))}`);
  return `${tree.direction}(${parts.join(", ")})`;
}

test("the default is the specification's grid in its proportions", () => {
  expect(told(defaultTree())).toBe(
    "column(row(runs 0.333, system 0.333, events 0.333) 0.327, row(loss 0.333, rate 0.333, config 0.333) 0.379, " +
      "row(checkpoints 0.667, actions 0.333) 0.294)",
  );
});

test("a split of one is none, and a row in a row is part of it", () => {
  expect(told(split("row", [a]))).toBe("a");
  expect(told(split("row", [a, split("row", [b, c])]))).toBe("row(a 0.5, b 0.25, c 0.25)");
  expect(told(split("row", [a, split("column", [split("row", [b, c])])], [3, 1]))).toBe(
    "row(a 0.75, b 0.125, c 0.125)",
  );
});

test("what is left takes the place of what is removed", () => {
  const tree = split("row", [a, split("column", [b, c])]);
  expect(told(remove(tree, "b"))).toBe("row(a 0.5, c 0.5)");
  expect(told(remove(tree, "a"))).toBe("column(b 0.5, c 0.5)");
  expect(told(remove(a, "a"))).toBe("nothing");
  expect(told(remove(tree, "none"))).toBe(told(tree));
});

test("behind the tab that is removed the next one stands in front, else the one before", () => {
  const stack = { panels: ["a", "b", "c"], active: "b" };
  expect(told(remove(stack, "b"))).toBe("a+c*");
  expect(told(remove({ ...stack, active: "c" }, "c"))).toBe("a+b*");
  expect(told(remove(stack, "a"))).toBe("b*+c");
});

describe("insert", () => {
  const tree = split("row", [a, b]);
  test.each<[Side, string]>([
    ["left", "row(a 0.5, x 0.25, b 0.25)"],
    ["right", "row(a 0.5, b 0.25, x 0.25)"],
    ["top", "row(a 0.5, column(x 0.5, b 0.5) 0.5)"],
    ["bottom", "row(a 0.5, column(b 0.5, x 0.5) 0.5)"],
    ["tab", "row(a 0.5, b+x* 0.5)"],
  ])("%s", (side, wanted) => expect(told(insert(tree, "x", "b", side))).toBe(wanted));

  test("along a whole edge", () => {
    expect(told(insertAtEdge(tree, "x", "top"))).toBe("column(x 0.3, row(a 0.5, b 0.5) 0.7)");
    expect(told(insertAtEdge(tree, "x", "right"))).toBe("row(a 0.35, b 0.35, x 0.3)");
  });
});

describe("move", () => {
  test("to another place", () => {
    const tree = split("row", [a, b, c]);
    expect(told(move(tree, "a", "c", "bottom"))).toBe("row(b 0.5, column(c 0.5, a 0.5) 0.5)");
    expect(told(move(tree, "a", "c", "tab"))).toBe("row(b 0.5, c+a* 0.5)");
  });

  test("out of its own stack", () => {
    const tree = split("row", [{ panels: ["a", "b"], active: "a" }, c]);
    expect(told(move(tree, "a", "a", "left"))).toBe("row(a 0.25, b 0.25, c 0.5)");
    expect(told(move(tree, "a", "b", "bottom"))).toBe("row(column(b 0.5, a 0.5) 0.5, c 0.5)");
  });

  test("nowhere when there is no such place", () => {
    const tree = split("row", [a, b]);
    expect(move(tree, "a", "a", "left")).toBe(tree);
    expect(move(tree, "a", "none", "left")).toBe(tree);
    expect(move(tree, "none", "a", "left")).toBe(tree);
  });
});

test("places that are swapped keep their sizes and their tabs", () => {
  const tree = split("row", [{ panels: ["a", "b"], active: "b" }, c], [3, 1]);
  expect(told(swap(tree, "a", "c"))).toBe("row(c 0.75, a+b* 0.25)");
  expect(swap(tree, "a", "b")).toBe(tree);
  expect(swap(tree, "a", "none")).toBe(tree);
});

test("a panel in front stays in front of its stack alone", () => {
  const tree = split("row", [{ panels: ["a", "b"], active: "b" }, c]);
  expect(told(activate(tree, "a"))).toBe("row(a*+b 0.5, c 0.5)");
  expect(findStack(activate(tree, "a"), "b")?.active).toBe("a");
});

describe("sizes", () => {
  const tree = split("row", [a, split("column", [b, c]), stackOf("d")]);

  test("two neighbours share out what they have, others keep theirs", () => {
    expect(told(resize(tree, "a", "c", 0.75))).toBe("row(a 0.5, column(b 0.5, c 0.5) 0.167, d 0.333)");
    expect(told(resize(tree, "b", "c", 0.25))).toBe("row(a 0.333, column(b 0.25, c 0.75) 0.333, d 0.333)");
  });

  test("none becomes too small to be seen", () => {
    for (const share of [-1, 0, 1, 7]) {
      const resized = resize(tree, "b", "c", share);
      const [, column] = isStack(resized) ? [] : resized.children;
      expect(column && !isStack(column) && Math.min(...column.sizes)).toBeCloseTo(0.08);
    }
  });

  test("all become equal", () => {
    expect(told(equalise(split("row", [a, b, c], [5, 1, 1]), "b", "c"))).toBe("row(a 0.333, b 0.333, c 0.333)");
  });

  test("a panel grows by parts of the screen, also deep inside", () => {
    expect(told(grow(tree, "a", 0.1, 0))).toBe("row(a 0.433, column(b 0.5, c 0.5) 0.233, d 0.333)");
    expect(told(grow(tree, "c", 0, 0.2))).toBe("row(a 0.333, column(b 0.3, c 0.7) 0.333, d 0.333)");
    const deep = split("row", [a, split("column", [b, split("row", [c, stackOf("d")])])]);
    expect(told(grow(deep, "c", 0.1, 0))).toBe("row(a 0.5, column(b 0.5, row(c 0.7, d 0.3) 0.5) 0.5)");
    expect(told(grow(tree, "d", -0.1, 0))).toBe("row(a 0.333, column(b 0.5, c 0.5) 0.433, d 0.233)");
  });

  test("what has no neighbour in a direction does not grow in it", () => {
    const row = split("row", [a, b]);
    expect(grow(row, "a", 0, 0.2)).toBe(row);
    expect(grow(row, "none", 0.2, 0)).toBe(row);
  });
});

test("a narrow screen has at most two beside one another, in the same order", () => {
  expect(told(folded(split("row", [a, b, c])))).toBe("column(row(a 0.5, b 0.5) 0.5, c 0.5)");
  expect(panelsIn(folded(defaultTree()))).toEqual(panelsIn(defaultTree()));
  expect([rowsIn(defaultTree()), rowsIn(folded(defaultTree()))]).toEqual([3, 5]);
});

test("whatever is done, every panel is there once, no split has one child or its own direction, sizes are 1 in all", () => {
  const ids: PanelId[] = ["runs", "system", "events", "loss", "rate", "config", "checkpoints", "actions"];
  const sides: Side[] = ["left", "right", "top", "bottom", "tab"];
  let seed = 7;
  const pick = <Item>(list: readonly Item[]): Item => {
    seed = (seed * 48271) % 2147483647;
    return list[seed % list.length] as Item;
  };
  let tree = defaultTree();
  for (let step = 0; step < 500; step++) {
    const [one, other] = [pick(ids), pick(ids)];
    tree = pick([
      () => move(tree, one, other, pick(sides)),
      () => swap(tree, one, other),
      () => resize(tree, one, other, pick([0.01, 0.4, 0.99])),
      () => grow(tree, one, pick([-0.3, 0.1]), pick([-0.1, 0.3])),
      () => activate(tree, one),
      () => insertAtEdge(remove(tree, one) as Tree, one, pick(["left", "top"])),
    ])();
    expect(panelsIn(tree).toSorted()).toEqual(ids.toSorted());
    check(tree);
  }
});

function check(tree: Tree): void {
  if (isStack(tree)) {
    expect(tree.panels).toContain(tree.active);
    return;
  }
  expect(tree.children.length).toBeGreaterThan(1);
  expect(tree.sizes).toHaveLength(tree.children.length);
  expect(Math.min(...tree.sizes)).toBeGreaterThan(0);
  expect(tree.sizes.reduce((sum, size) => sum + size, 0)).toBeCloseTo(1);
  for (const child of tree.children) {
    expect(isStack(child) ? null : child.direction).not.toBe(tree.direction);
    check(child);
  }
}

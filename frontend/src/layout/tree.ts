/** How panels share the screen: rows and columns that hold stacks of panels. Trees never change; each step makes one. */

export type PanelId = string;
export type Direction = "row" | "column";
/** Where a panel goes beside another one; `tab`: into its stack. */
export type Side = "left" | "right" | "top" | "bottom" | "tab";

/** Panels at one place, one of them in front. */
export interface Stack {
  readonly panels: readonly PanelId[];
  readonly active: PanelId;
}

/** Places beside or below one another; the sizes are parts of 1. */
export interface Split {
  readonly direction: Direction;
  readonly sizes: readonly number[];
  readonly children: readonly Tree[];
}

export type Tree = Stack | Split;

/** No place becomes smaller than this part of what two neighbours share. */
const MIN_SHARE = 0.08;
/** What a panel takes that is put at an edge of the screen. */
const EDGE_SHARE = 0.3;

export function isStack(tree: Tree): tree is Stack {
  return "panels" in tree;
}

export function stackOf(...panels: readonly PanelId[]): Stack {
  return { panels, active: panels[0] ?? "" };
}

/** A split of children with weights of any sum. */
export function split(direction: Direction, children: readonly Tree[], weights?: readonly number[]): Tree {
  return normalised({ direction, children, sizes: weights ?? children.map(() => 1) });
}

/** All panels in reading order. */
export function panelsIn(tree: Tree): readonly PanelId[] {
  return isStack(tree) ? tree.panels : tree.children.flatMap(panelsIn);
}

/** The stack that holds a panel. */
export function findStack(tree: Tree, id: PanelId): Stack | null {
  if (isStack(tree)) return tree.panels.includes(id) ? tree : null;
  for (const child of tree.children) {
    const found = findStack(child, id);
    if (found !== null) return found;
  }
  return null;
}

/** Without a panel; null when it was the only one. */
export function remove(tree: Tree, id: PanelId): Tree | null {
  return withStacks(tree, (stack) => without(stack, id));
}

/** With a panel more, beside another one: it takes half of the other one's place. */
export function insert(tree: Tree, id: PanelId, target: PanelId, side: Side): Tree {
  return withStacks(tree, (stack) => (stack.panels.includes(target) ? beside(stack, id, side) : stack)) ?? tree;
}

/** With a panel more, along a whole edge of the screen. */
export function insertAtEdge(tree: Tree, id: PanelId, side: Exclude<Side, "tab">): Tree {
  const first = side === "left" || side === "top";
  const parts = first ? [stackOf(id), tree] : [tree, stackOf(id)];
  return split(directionOf(side), parts, first ? [EDGE_SHARE, 1 - EDGE_SHARE] : [1 - EDGE_SHARE, EDGE_SHARE]);
}

/** A panel at another place. Beside its own place it leaves its stack. */
export function move(tree: Tree, id: PanelId, target: PanelId, side: Side): Tree {
  const own = findStack(tree, id);
  const anchor = target === id ? own?.panels.find((each) => each !== id) : target;
  if (own === null || anchor === undefined || findStack(tree, anchor) === null) return tree;
  const rest = remove(tree, id);
  return rest === null ? tree : insert(rest, id, anchor, side);
}

/** Two places change what they show; sizes stay. */
export function swap(tree: Tree, a: PanelId, b: PanelId): Tree {
  const [one, other] = [findStack(tree, a), findStack(tree, b)];
  if (one === null || other === null || one === other) return tree;
  return withStacks(tree, (stack) => (stack === one ? other : stack === other ? one : stack)) ?? tree;
}

/** With a panel in front of its stack. */
export function activate(tree: Tree, id: PanelId): Tree {
  return withStacks(tree, (stack) => (stack.panels.includes(id) ? { ...stack, active: id } : stack)) ?? tree;
}

/**
 * Share out what two neighbours have together: the place that holds `before` gets this part of it. Any panel of each
 * place names it.
 */
export function resize(tree: Tree, before: PanelId, after: PanelId, share: number): Tree {
  return withSizes(tree, before, after, (sizes, at, other) => {
    const both = (sizes[at] ?? 0) + (sizes[other] ?? 0);
    const part = Math.min(1 - MIN_SHARE, Math.max(MIN_SHARE, share));
    return sizes.map((size, index) => (index === at ? both * part : index === other ? both * (1 - part) : size));
  });
}

/** All places of the split that lies between two panels get the same size. */
export function equalise(tree: Tree, before: PanelId, after: PanelId): Tree {
  return withSizes(tree, before, after, (sizes) => sizes.map(() => 1 / sizes.length));
}

/** Make a panel's place larger or smaller, by parts of the screen's width and height; its neighbour gives and takes. */
export function grow(tree: Tree, id: PanelId, dx: number, dy: number): Tree {
  return growAlong(growAlong(tree, id, "row", dx), id, "column", dy);
}

/** At most two places beside one another, for a narrow screen. */
export function folded(tree: Tree): Tree {
  if (isStack(tree)) return tree;
  const children = tree.children.map(folded);
  if (tree.direction === "column") return split("column", children, children.map(rowsIn));
  const pairs: Tree[] = [];
  for (let at = 0; at < children.length; at += 2) {
    pairs.push(split("row", children.slice(at, at + 2), tree.sizes.slice(at, at + 2)));
  }
  return split("column", pairs, pairs.map(rowsIn));
}

/** How many places stand below one another, at most. */
export function rowsIn(tree: Tree): number {
  if (isStack(tree)) return 1;
  const rows = tree.children.map(rowsIn);
  return tree.direction === "column" ? rows.reduce((sum, each) => sum + each, 0) : Math.max(...rows);
}

/** The specification's 3 × 3. */
export function defaultTree(): Tree {
  return split(
    "column",
    [
      split("row", [stackOf("runs"), stackOf("system"), stackOf("events")]),
      split("row", [stackOf("loss"), stackOf("rate"), stackOf("config")]),
      split("row", [stackOf("checkpoints"), stackOf("actions")], [2, 1]),
    ],
    [1, 1.16, 0.9],
  );
}

export function directionOf(side: Exclude<Side, "tab">): Direction {
  return side === "left" || side === "right" ? "row" : "column";
}

/** Every stack replaced by what is made of it; null takes it away. */
function withStacks(tree: Tree, change: (stack: Stack) => Tree | null): Tree | null {
  if (isStack(tree)) return change(tree);
  const kept = tree.children.flatMap((child, at) => {
    const made = withStacks(child, change);
    return made === null ? [] : [{ made, size: tree.sizes[at] ?? 0 }];
  });
  if (kept.length === 0) return null;
  return split(
    tree.direction,
    kept.map(({ made }) => made),
    kept.map(({ size }) => size),
  );
}

type Resizing = (sizes: readonly number[], at: number, other: number) => readonly number[];

/** Change the sizes of the split in which two panels part. */
function withSizes(tree: Tree, before: PanelId, after: PanelId, change: Resizing): Tree {
  if (isStack(tree)) return tree;
  const [at, other] = [childWith(tree, before), childWith(tree, after)];
  if (at < 0 || other < 0) return tree;
  if (at !== other) return { ...tree, sizes: change(tree.sizes, at, other) };
  return withChild(tree, at, withSizes(tree.children[at] as Tree, before, after, change));
}

/** `by` is a part of this tree's own extent. */
function growAlong(tree: Tree, id: PanelId, direction: Direction, by: number): Tree {
  if (isStack(tree) || by === 0) return tree;
  const at = childWith(tree, id);
  if (at < 0) return tree;
  const along = tree.direction === direction;
  const child = tree.children[at] as Tree;
  const grown = growAlong(child, id, direction, along ? by / (tree.sizes[at] ?? 1) : by);
  if (grown !== child || !along) return withChild(tree, at, grown);
  const other = at + 1 < tree.children.length ? at + 1 : at - 1;
  const [own, next] = [tree.sizes[at] ?? 0, tree.sizes[other] ?? 0];
  const least = MIN_SHARE * (own + next);
  const size = Math.min(own + next - least, Math.max(least, own + by));
  const sizes = tree.sizes.map((each, index) => (index === at ? size : index === other ? own + next - size : each));
  return { ...tree, sizes };
}

function withChild(tree: Split, at: number, child: Tree): Tree {
  if (child === tree.children[at]) return tree;
  return { ...tree, children: tree.children.map((each, index) => (index === at ? child : each)) };
}

function childWith(tree: Split, id: PanelId): number {
  return tree.children.findIndex((child) => findStack(child, id) !== null);
}

function without(stack: Stack, id: PanelId): Stack | null {
  const at = stack.panels.indexOf(id);
  if (at < 0) return stack;
  const panels = stack.panels.filter((each) => each !== id);
  const next = panels[Math.min(at, panels.length - 1)];
  if (next === undefined) return null;
  return { panels, active: stack.active === id ? next : stack.active };
}

function beside(stack: Stack, id: PanelId, side: Side): Tree {
  if (side === "tab") return { panels: [...stack.panels, id], active: id };
  const first = side === "left" || side === "top";
  return split(directionOf(side), first ? [stackOf(id), stack] : [stack, stackOf(id)]);
}

/** A split of one child is that child; one inside another of the same direction is part of it; the sizes are parts of 1. */
function normalised(tree: Split): Tree {
  const [only, ...others] = tree.children;
  if (only !== undefined && others.length === 0) return only;
  const total = tree.sizes.reduce((sum, size) => sum + size, 0);
  const children: Tree[] = [];
  const sizes: number[] = [];
  for (const [at, child] of tree.children.entries()) {
    const size = (tree.sizes[at] ?? 0) / total;
    const merges = !isStack(child) && child.direction === tree.direction;
    children.push(...(merges ? child.children : [child]));
    sizes.push(...(merges ? child.sizes.map((each) => each * size) : [size]));
  }
  return { direction: tree.direction, sizes, children };
}

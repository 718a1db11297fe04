import { type Direction, isStack, type PanelId, panelsIn, type Side, type Stack, type Tree } from "./tree";

/** A part of the screen: all figures are parts of 1. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A stack and where it stands. */
export interface Place {
  stack: Stack;
  rect: Rect;
}

/** The line between two neighbours, which can be moved. */
export interface Edge {
  /** `row`: its neighbours stand left and right of it. */
  direction: Direction;
  /** Of no width (in a row) or no height. */
  rect: Rect;
  /** A panel of the place before it, and one of that behind it. */
  before: PanelId;
  after: PanelId;
  /** Where the two begin and end, along the direction. */
  from: number;
  to: number;
  /** The part of it that the first one has. */
  share: number;
}

/** Where a dragged panel would go. */
export interface Drop {
  target: PanelId;
  side: Side;
  rect: Rect;
}

const WHOLE: Rect = { x: 0, y: 0, width: 1, height: 1 };
/** How far from a place's edge a drop still means that edge. */
const DROP_EDGE = 0.25;
const TOUCHING = 1e-6;

/** Every stack's part of the screen, in reading order. */
export function placesIn(tree: Tree, rect: Rect = WHOLE): Place[] {
  if (isStack(tree)) return [{ stack: tree, rect }];
  return parts(tree.direction, tree.sizes, rect).flatMap((part, at) => placesIn(tree.children[at] as Tree, part));
}

/** Every line between neighbours, in reading order. */
export function edgesIn(tree: Tree, rect: Rect = WHOLE): Edge[] {
  if (isStack(tree)) return [];
  const rects = parts(tree.direction, tree.sizes, rect);
  return tree.children.flatMap((child, at) => {
    const own = rects[at] as Rect;
    const inside = edgesIn(child, own);
    const next = tree.children[at + 1];
    if (next === undefined) return inside;
    return [...inside, edge(tree.direction, [child, own], [next, rects[at + 1] as Rect])];
  });
}

/** The panel in front of the place that stands beside a panel's place on a side; null at the screen's edge. */
export function neighbourOf(tree: Tree, id: PanelId, side: Exclude<Side, "tab">): PanelId | null {
  const places = placesIn(tree);
  const own = places.find(({ stack }) => stack.panels.includes(id));
  if (own === undefined) return null;
  let best: PanelId | null = null;
  let most = TOUCHING;
  for (const { stack, rect } of places) {
    const common = touching(own.rect, rect, side);
    if (common > most) [best, most] = [stack.active, common];
  }
  return best;
}

/** Where a panel would go that is let go at a point; null outside of all places. */
export function dropAt(places: readonly Place[], x: number, y: number): Drop | null {
  const place = places.find(({ rect }) => isInside(rect, x, y));
  if (place === undefined) return null;
  const { rect, stack } = place;
  const side = sideAt((x - rect.x) / rect.width, (y - rect.y) / rect.height);
  return { target: stack.active, side, rect: partAt(rect, side) };
}

function sideAt(across: number, down: number): Side {
  const distances: [Side, number][] = [
    ["left", across],
    ["right", 1 - across],
    ["top", down],
    ["bottom", 1 - down],
  ];
  const [side, distance] = distances.reduce((nearest, each) => (each[1] < nearest[1] ? each : nearest));
  return distance < DROP_EDGE ? side : "tab";
}

function partAt(rect: Rect, side: Side): Rect {
  const [width, height] = [rect.width / 2, rect.height / 2];
  switch (side) {
    case "left":
      return { ...rect, width };
    case "right":
      return { ...rect, width, x: rect.x + width };
    case "top":
      return { ...rect, height };
    case "bottom":
      return { ...rect, height, y: rect.y + height };
    case "tab":
      return rect;
  }
}

function isInside(rect: Rect, x: number, y: number): boolean {
  return x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height;
}

/** How long the border is that two rectangles have in common on a side of the first one. */
function touching(own: Rect, other: Rect, side: Exclude<Side, "tab">): number {
  const gaps = {
    left: other.x + other.width - own.x,
    right: other.x - own.x - own.width,
    top: other.y + other.height - own.y,
    bottom: other.y - own.y - own.height,
  };
  if (Math.abs(gaps[side]) > TOUCHING) return 0;
  return side === "left" || side === "right"
    ? Math.min(own.y + own.height, other.y + other.height) - Math.max(own.y, other.y)
    : Math.min(own.x + own.width, other.x + other.width) - Math.max(own.x, other.x);
}

function parts(direction: Direction, sizes: readonly number[], rect: Rect): Rect[] {
  let before = 0;
  return sizes.map((size) => {
    const start = before;
    before += size;
    return direction === "row"
      ? { ...rect, x: rect.x + start * rect.width, width: size * rect.width }
      : { ...rect, y: rect.y + start * rect.height, height: size * rect.height };
  });
}

function edge(direction: Direction, [before, own]: [Tree, Rect], [after, next]: [Tree, Rect]): Edge {
  const names = { direction, before: panelsIn(before)[0] ?? "", after: panelsIn(after)[0] ?? "" };
  if (direction === "row") {
    const [from, to] = [own.x, next.x + next.width];
    return { ...names, from, to, share: own.width / (to - from), rect: { ...next, width: 0 } };
  }
  const [from, to] = [own.y, next.y + next.height];
  return { ...names, from, to, share: own.height / (to - from), rect: { ...next, height: 0 } };
}

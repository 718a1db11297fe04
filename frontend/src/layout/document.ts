import { typeOf } from "./panels";
import { type Direction, type PanelId, panelsIn, split, type Tree } from "./tree";

/** A layout as it is kept on the server and in files. */
export interface LayoutDocument {
  version: typeof VERSION;
  tree: Tree;
  /** What the panels show that show metrics, by their ids. */
  metrics: Readonly<Record<PanelId, readonly string[]>>;
}

/** Says what is wrong with a layout, and where in it. */
export class LayoutError extends Error {
  constructor(where: string, problem: string) {
    super(where === "" ? problem : `${where}: ${problem}`);
    this.name = "LayoutError";
  }
}

const VERSION = 1;
/** The server keeps JSON of at most 32 levels; a split takes two. */
const MAX_DEPTH = 12;
export const MAX_PANELS = 64;

export function documentOf(tree: Tree, metrics: LayoutDocument["metrics"]): LayoutDocument {
  const known = panelsIn(tree);
  const own = Object.entries(metrics).filter(([id]) => known.includes(id));
  return { version: VERSION, tree, metrics: Object.fromEntries(own) };
}

/** Read a layout from text. Raises LayoutError. */
export function parseLayout(text: string): LayoutDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LayoutError("", "This is no layout: it is not JSON.");
  }
  return readLayout(value);
}

/** Read a layout from what JSON holds. Raises LayoutError. */
export function readLayout(value: unknown): LayoutDocument {
  const found = objectAt(value, "layout");
  if (found.version !== VERSION) {
    throw new LayoutError("version", `${JSON.stringify(found.version)} is not known here; this page reads ${VERSION}.`);
  }
  const tree = readTree(found.tree, "tree", 0);
  const panels = panelsIn(tree);
  const twice = panels.find((id, at) => panels.indexOf(id) !== at);
  if (twice !== undefined) throw new LayoutError("tree", `The panel ${twice} is there twice.`);
  if (panels.length > MAX_PANELS) throw new LayoutError("tree", `${panels.length} panels are more than ${MAX_PANELS}.`);
  return documentOf(tree, readMetrics(found.metrics));
}

function readTree(value: unknown, where: string, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new LayoutError(where, "It is nested too deeply.");
  const found = objectAt(value, where);
  if ("panels" in found) return readStack(found, where);
  const { direction } = found;
  if (direction !== "row" && direction !== "column") {
    throw new LayoutError(`${where}.direction`, 'It is neither "row" nor "column".');
  }
  return readSplit(found, where, direction, depth);
}

function readStack(found: Record<string, unknown>, where: string): Tree {
  const panels = listAt(found.panels, `${where}.panels`).map((id, at) => {
    if (typeof id === "string" && typeOf(id) !== null) return id;
    throw new LayoutError(`${where}.panels[${at}]`, `There is no panel ${JSON.stringify(id)}.`);
  });
  const { active } = found;
  if (typeof active !== "string" || !panels.includes(active)) {
    throw new LayoutError(`${where}.active`, "It is none of the panels beside it.");
  }
  return { panels, active };
}

function readSplit(found: Record<string, unknown>, where: string, direction: Direction, depth: number): Tree {
  const children = listAt(found.children, `${where}.children`).map((child, at) =>
    readTree(child, `${where}.children[${at}]`, depth + 1),
  );
  const sizes = listAt(found.sizes, `${where}.sizes`).map((size, at) => {
    if (typeof size === "number" && Number.isFinite(size) && size > 0) return size;
    throw new LayoutError(`${where}.sizes[${at}]`, "It is no number above 0.");
  });
  if (!Number.isFinite(sizes.reduce((sum, size) => sum + size))) {
    throw new LayoutError(`${where}.sizes`, "Together they are more than any number.");
  }
  if (sizes.length !== children.length) {
    throw new LayoutError(`${where}.sizes`, `${sizes.length} sizes for ${children.length} children.`);
  }
  return split(direction, children, sizes);
}

function readMetrics(value: unknown): LayoutDocument["metrics"] {
  if (value === undefined) return {};
  const entries = Object.entries(objectAt(value, "metrics")).map(([id, names]) => {
    const list = listAt(names, `metrics.${id}`);
    if (list.every((name) => typeof name === "string")) return [id, list as string[]] as const;
    throw new LayoutError(`metrics.${id}`, "It holds something that is no name.");
  });
  return Object.fromEntries(entries);
}

function objectAt(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new LayoutError(where, "It is missing, or no object.");
}

function listAt(value: unknown, where: string): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw new LayoutError(where, "It is missing, or an empty list.");
}

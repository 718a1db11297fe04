import { create } from "zustand";
import { changeView, readView } from "../state/view";
import { documentOf, type LayoutDocument, MAX_PANELS } from "./document";
import { readDraft, writeDraft } from "./draft";
import { focusPanel } from "./focus";
import { neighbourOf, type Place, placesIn } from "./geometry";
import { nextId, type PanelType, typeOf } from "./panels";
import { useScreen } from "./screen";
import * as trees from "./tree";
import { defaultTree, findStack, type PanelId, panelsIn, type Side, type Tree } from "./tree";
import { closeWindow, openWindow, windowOf } from "./windows";

interface LayoutState {
  tree: Tree;
  /** Panels in windows of their own; the tree keeps their places. */
  popped: readonly PanelId[];
  /** Name of the saved layout that this one is or was; null: the default one. */
  base: string | null;
  /** It is no longer as it was saved. */
  changed: boolean;
  /** Why the layout that the address names is not shown. */
  notice: string | null;
  /** Name of the layout that the address names while it is on its way. */
  awaited: string | null;
}

/** A place that is smaller than two of these is not divided, in pixels. */
const MIN_WIDTH = 300;
const MIN_HEIGHT = 150;

/** Which panels are open, and where. */
export const useLayout = create<LayoutState>(() => {
  // An address that names a layout wins.
  const draft = readView().layout === null ? readDraft() : null;
  return {
    tree: draft?.layout.tree ?? defaultTree(),
    popped: [],
    base: draft?.base ?? null,
    changed: draft !== null,
    notice: null,
    awaited: null,
  };
});

/** The tree without the panels that are in windows of their own; null when all of them are. */
export function shownTree({ tree, popped }: Pick<LayoutState, "tree" | "popped">): Tree | null {
  return popped.reduce<Tree | null>((rest, id) => rest && trees.remove(rest, id), tree);
}

/** All open panels in reading order; a panel's number is its place in it, from 1. */
export function openPanels(): readonly PanelId[] {
  return panelsIn(useLayout.getState().tree);
}

/** Those of this window. */
export function panelsHere(): readonly PanelId[] {
  const shown = shownTree(useLayout.getState());
  return shown === null ? [] : panelsIn(shown);
}

/**
 * Open a panel beside another one, else in the largest place; or show it if it is there and can't be there twice.
 * Returns its id. Raises an Error when no layout may have more panels.
 */
export function openPanel(type: PanelType, near?: PanelId): PanelId {
  const known = openPanels();
  const id = nextId(type, known);
  if (!known.includes(id)) addPanel(id, near);
  showPanel(id);
  return id;
}

/** Close a panel. The last one stays: returns whether it is closed. */
export function closePanel(id: PanelId): boolean {
  const { tree } = useLayout.getState();
  const rest = findStack(tree, id) && trees.remove(tree, id);
  if (rest === null) return false;
  const { [id]: _, ...metrics } = readView().metrics;
  const next = neighbourAfter(id);
  if (readView().maximised === id) maximise(null);
  popIn(id);
  change(rest);
  changeView({ metrics });
  if (useScreen.getState().active === id) showPanel(next);
  return true;
}

/**
 * Move a panel beside another one. Without a target it changes places with its neighbour on that side, leaves its
 * stack to that side, or goes along the whole edge of the screen where nothing is beside it.
 */
export function movePanel(id: PanelId, side: Side, target?: PanelId): void {
  const { tree } = useLayout.getState();
  const own = findStack(tree, id);
  if (own === null) return;
  if (target !== undefined) change(trees.move(tree, id, target, side));
  else if (side === "tab") joinNeighbour(id);
  else if (own.panels.length > 1) change(trees.move(tree, id, id, side));
  else change(moved(tree, id, side));
}

/** Make a panel wider and higher, by parts of the screen; less than 0 makes it smaller. */
export function growPanel(id: PanelId, dx: number, dy: number): void {
  change(trees.grow(useLayout.getState().tree, id, dx, dy));
}

/** Share out what two neighbours have, as `tree.resize` does. */
export function resizeBetween(before: PanelId, after: PanelId, share: number): void {
  change(trees.resize(useLayout.getState().tree, before, after, share));
}

export function equaliseBetween(before: PanelId, after: PanelId): void {
  change(trees.equalise(useLayout.getState().tree, before, after));
}

/** Give a panel the focus, also when it is behind another one or in its own window. Returns whether it is open. */
export function showPanel(id: PanelId): boolean {
  const { tree, popped } = useLayout.getState();
  const stack = findStack(tree, id);
  if (stack === null) return false;
  useScreen.getState().activate(id);
  if (popped.includes(id)) {
    windowOf(id)?.focus();
    focusPanel(id);
    return true;
  }
  const { maximised } = readView();
  const hidden = maximised !== null && maximised !== id && findStack(tree, maximised) !== null;
  if (stack.active !== id) bringToFront(id);
  if (hidden) maximise(id);
  // A panel that was hidden behind another takes the focus only once it is drawn.
  if (hidden || stack.active !== id || document.getElementById(`panel-${id}`) === null) {
    requestAnimationFrame(() => focusPanel(id));
  } else focusPanel(id);
  return true;
}

/** Have a panel fill the screen; null: all of them have their places again. In its own window it does that anyway. */
export function maximise(id: PanelId | null): void {
  if (id !== null && useLayout.getState().popped.includes(id)) return;
  if (id !== null) bringToFront(id);
  changeView({ maximised: id });
}

/** Put a panel into a window of its own. Raises an Error when the browser opens none. */
export function popOut(id: PanelId): void {
  const { tree, popped } = useLayout.getState();
  if (findStack(tree, id) === null || popped.includes(id)) return;
  if (readView().maximised === id) maximise(null);
  openWindow(id, () => popIn(id));
  useLayout.setState({ popped: [...popped, id] });
}

/** Bring a panel back from its window to its place. */
export function popIn(id: PanelId): void {
  const { popped } = useLayout.getState();
  if (!popped.includes(id)) return;
  useLayout.setState({ popped: popped.filter((each) => each !== id) });
  closeWindow(id);
}

/** The specification's 3 × 3 again. */
export function resetLayout(): void {
  const tree = defaultTree();
  showLayout({ tree, base: null });
  writeDraft(null);
  // A panel that the address goes on to speak of would open again.
  const { metrics } = documentOf(tree, readView().metrics);
  changeView({ layout: null, maximised: null, metrics });
}

/** Show another layout whole. */
export function showLayout({
  tree,
  base,
  changed = false,
}: Pick<LayoutState, "tree" | "base"> & { changed?: boolean }) {
  const known = panelsIn(tree);
  for (const id of useLayout.getState().popped) if (!known.includes(id)) popIn(id);
  useLayout.setState({ tree, base, changed, notice: null });
  const { active, activate } = useScreen.getState();
  if (!known.includes(active)) activate(known[0] as PanelId);
}

export function tellProblem(notice: string): void {
  useLayout.setState({ notice });
}

/** What is shown now, as it is saved. */
export function currentLayout(): LayoutDocument {
  return documentOf(useLayout.getState().tree, readView().metrics);
}

/** Open the panels that the address speaks of and that are not there: a link brings back what was seen. */
export function openMentioned(): void {
  // They have their places in the layout that is on its way; another one would be changed by them.
  if (useLayout.getState().awaited !== null) return;
  const { metrics, maximised } = readView();
  const mentioned = [...Object.keys(metrics), ...(maximised === null ? [] : [maximised])];
  for (const id of mentioned) {
    if (openPanels().length === MAX_PANELS) return;
    if (typeOf(id) !== null && !openPanels().includes(id)) addPanel(id);
  }
}

/** Have the panels of a layout that this browser kept show what they showed; what the address says of them counts. */
export function restoreMetrics(): void {
  const draft = useLayout.getState().changed ? readDraft() : null;
  if (draft !== null) changeView({ metrics: { ...draft.layout.metrics, ...readView().metrics } });
}

/** Keep what the panels show with a layout that nobody saved. */
export function keepMetrics(): void {
  const { changed, base } = useLayout.getState();
  if (changed) writeDraft({ layout: currentLayout(), base });
}

/** A layout that was changed is no longer the one that the address names; a reload brings it back from the browser. */
export function change(tree: Tree): void {
  const { tree: before, base } = useLayout.getState();
  if (tree === before) return;
  useLayout.setState({ tree, changed: true, notice: null });
  changeView({ layout: null });
  writeDraft({ layout: currentLayout(), base });
}

/** Bring a panel to the front of its stack. Which one is in front is no change of a layout. */
export function bringToFront(id: PanelId): void {
  const { tree } = useLayout.getState();
  if (findStack(tree, id)?.active !== id) useLayout.setState({ tree: trees.activate(tree, id) });
}

function moved(tree: Tree, id: PanelId, side: Exclude<Side, "tab">): Tree {
  const neighbour = neighbourOf(tree, id, side);
  if (neighbour !== null) return trees.swap(tree, id, neighbour);
  const rest = trees.remove(tree, id);
  return rest === null ? tree : trees.insertAtEdge(rest, id, side);
}

function joinNeighbour(id: PanelId): void {
  const { tree } = useLayout.getState();
  const sides = ["left", "top", "right", "bottom"] as const;
  const target = sides.map((side) => neighbourOf(tree, id, side)).find((found) => found !== null);
  if (target != null) change(trees.move(tree, id, target, "tab"));
}

/**
 * Beside another panel where there is room, along the longer side of its place; else in front of it. Raises an Error
 * when no layout may have more panels.
 */
function addPanel(id: PanelId, near?: PanelId): void {
  const { tree } = useLayout.getState();
  if (openPanels().length >= MAX_PANELS) throw new Error(`${MAX_PANELS} panels are open: close one first.`);
  const places = placesIn(tree);
  const largest = places.reduce((best, place) => (areaOf(place) > areaOf(best) ? place : best));
  const { stack, rect } = places.find((place) => near !== undefined && place.stack.panels.includes(near)) ?? largest;
  const [width, height] = [rect.width * window.innerWidth, rect.height * window.innerHeight];
  const side = width > 2 * MIN_WIDTH && width > height ? "right" : height > 2 * MIN_HEIGHT ? "bottom" : "tab";
  change(trees.insert(tree, id, stack.active, side));
}

function areaOf({ rect }: Place): number {
  return rect.width * rect.height;
}

function neighbourAfter(id: PanelId): PanelId {
  const known = openPanels();
  const at = known.indexOf(id);
  return (known[at + 1] ?? known[at - 1]) as PanelId;
}

import type { PanelId } from "../../layout/tree";

/** What a key asks for on the whole screen; keys inside a panel are its own. */
export type Intent =
  | { do: "panel"; panel: PanelId }
  /** The panel of a number, counted from 1 in reading order. */
  | { do: "number"; number: number }
  | { do: "next" | "previous" | "maximise" | "help" | "back" | "await-panel" | "pause" | "copy-link" | "layouts" };

export interface Stroke {
  key: string;
  shift: boolean;
}

interface KeyContext {
  /** `g` was pressed and a digit is expected. */
  awaiting: boolean;
  letters: boolean;
}

const FUNCTION_KEYS: Record<string, PanelId> = { F2: "runs", F4: "loss", F8: "checkpoints" };
const LETTERS: Record<string, Intent> = {
  m: { do: "maximise" },
  p: { do: "pause" },
  y: { do: "copy-link" },
  g: { do: "await-panel" },
  l: { do: "layouts" },
  "?": { do: "help" },
};

/** The key sheet's rows: key, what it does. */
export const KEY_SHEET: readonly (readonly [string, string])[] = [
  ["F2  F4  F8", "Run list, loss plot, checkpoints"],
  ["F6  Shift F6", "Next panel, previous panel"],
  ["g 1 … g 9", "Panel by number"],
  ["m", "Maximise the panel, and back"],
  ["Esc", "Back: close, restore, or leave the detail"],
  ["j k  ↓ ↑", "Next row, previous row"],
  ["Home  End", "First row, last row"],
  ["Enter", "Select the run, open the checkpoint, go where the event happened, chart the metric"],
  ["c", "In the run list: draw the run with the selected one, or no longer"],
  ["Space  Shift ↓ ↑  Ctrl A", "In the run list: mark rows; Esc unmarks"],
  ["r t n d u", "In the run list: rename, tag, note, delete, undo"],
  ["f", "Filter or search the panel"],
  ["← →  Shift ← →  + - 0", "On a chart: move the crosshair, move the stretch, zoom, all of it"],
  ["1 … 9", "In the actions panel: the action of that number"],
  ["← ↑ → ↓", "On a line between panels: move it, Shift farther, Enter makes all equal"],
  ["l", "Layouts: open one by its number, save, reset"],
  ["p", "Pause the live view, and go on"],
  ["y", "Copy the link of this view, on a checkpoint its path"],
  ["?", "This sheet"],
];

/** What a key stroke means, or null when it is none of the screen's. */
export function intentOf({ key, shift }: Stroke, { awaiting, letters }: KeyContext): Intent | null {
  if (awaiting && /^[1-9]$/.test(key)) return { do: "number", number: Number(key) };
  if (key === "F6") return { do: shift ? "previous" : "next" };
  if (key === "Escape") return { do: "back" };
  const panel = FUNCTION_KEYS[key];
  if (panel !== undefined) return { do: "panel", panel };
  return letters ? (LETTERS[key] ?? null) : null;
}

/** The panel after or before one; null past the ends, where the key is left to the browser. */
export function neighbour(panels: readonly PanelId[], panel: PanelId, by: 1 | -1): PanelId | null {
  return panels[panels.indexOf(panel) + by] ?? null;
}

/** Whether typing belongs to the element. */
export function isField(element: Element | null): boolean {
  return element?.matches("input, textarea, select, [contenteditable='true']") ?? false;
}

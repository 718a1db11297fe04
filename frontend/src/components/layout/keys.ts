import { PANELS, type PanelNumber } from "./panels";

/** What a key asks for on the whole screen; keys inside a panel are its own. */
export type Intent =
  | { do: "panel"; panel: PanelNumber }
  | { do: "next" | "previous" | "maximise" | "help" | "back" | "await-panel" | "pause" | "copy-link" };

export interface Stroke {
  key: string;
  shift: boolean;
}

interface KeyContext {
  /** `g` was pressed and a digit is expected. */
  awaiting: boolean;
  letters: boolean;
}

const FUNCTION_KEYS: Record<string, PanelNumber> = { F2: 1, F4: 4, F8: 7 };
const LETTERS: Record<string, Intent> = {
  m: { do: "maximise" },
  p: { do: "pause" },
  y: { do: "copy-link" },
  g: { do: "await-panel" },
  "?": { do: "help" },
};

/** The key sheet's rows: key, what it does. */
export const KEY_SHEET: readonly (readonly [string, string])[] = [
  ["F2  F4  F8", "Run list, loss plot, checkpoints"],
  ["F6  Shift F6", "Next panel, previous panel"],
  ["g 1 … g 8", "Panel by number"],
  ["m", "Maximise the panel, and back"],
  ["Esc", "Back: close, restore, or leave the detail"],
  ["j k  ↓ ↑", "Next row, previous row"],
  ["Home  End", "First row, last row"],
  ["Enter", "Select the run, open the checkpoint or the event"],
  ["c  Space", "In the run list: draw the run with the selected one, or no longer"],
  ["1 … 9", "In the actions panel: the action of that number"],
  ["p", "Pause the live view, and go on"],
  ["y", "Copy the link of this view"],
  ["?", "This sheet"],
];

/** What a key stroke means, or null when it is none of the screen's. */
export function intentOf({ key, shift }: Stroke, { awaiting, letters }: KeyContext): Intent | null {
  const digit = awaiting ? PANELS.find((panel) => String(panel.number) === key) : undefined;
  if (digit) return { do: "panel", panel: digit.number };
  if (key === "F6") return { do: shift ? "previous" : "next" };
  if (key === "Escape") return { do: "back" };
  const panel = FUNCTION_KEYS[key];
  if (panel !== undefined) return { do: "panel", panel };
  return letters ? (LETTERS[key] ?? null) : null;
}

/** The panel after or before one; null past the ends, where the key is left to the browser. */
export function neighbour(panel: PanelNumber, by: 1 | -1): PanelNumber | null {
  return PANELS[panel - 1 + by]?.number ?? null;
}

/** Whether typing belongs to the element. */
export function isField(element: Element | null): boolean {
  return element?.matches("input, textarea, select, [contenteditable='true']") ?? false;
}

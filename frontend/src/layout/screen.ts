import { create } from "zustand";
import { keep, recall } from "../state/memory";
import type { PanelId } from "./tree";

const LETTERS_KEY = "stepwire.letterKeys";

interface Screen {
  /** The panel in use: keys go to it, its frame is bright. */
  active: PanelId;
  /** The sheet of keys is open. */
  help: boolean;
  /** The sheet of layouts is open. */
  layouts: boolean;
  /** Whether single letters are commands; who dictates may turn them off. */
  letterKeys: boolean;
  activate(panel: PanelId): void;
  showHelp(shown: boolean): void;
  showLayouts(shown: boolean): void;
  setLetterKeys(on: boolean): void;
}

/** What is in use on the screen: nothing of it concerns data, and no link brings it back. */
export const useScreen = create<Screen>((set) => ({
  active: "runs",
  help: false,
  layouts: false,
  letterKeys: recall(LETTERS_KEY) !== "off",
  activate: (active) => set({ active }),
  showHelp: (help) => set({ help }),
  showLayouts: (layouts) => set({ layouts }),
  setLetterKeys(letterKeys) {
    keep(LETTERS_KEY, letterKeys ? "on" : "off");
    set({ letterKeys });
  },
}));

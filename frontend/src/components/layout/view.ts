import { create } from "zustand";
import { focusPanel, type PanelNumber } from "./panels";

const LETTERS_KEY = "stepwire.letterKeys";

interface View {
  /** The panel in use: keys go to it, its frame is bright. */
  active: PanelNumber;
  /** The panel that fills the screen. */
  maximised: PanelNumber | null;
  /** The sheet of keys is open. */
  help: boolean;
  /** Whether single letters are commands; who dictates may turn them off. */
  letterKeys: boolean;
  activate(panel: PanelNumber): void;
  maximise(panel: PanelNumber | null): void;
  showHelp(shown: boolean): void;
  setLetterKeys(on: boolean): void;
}

/** How the screen is arranged: nothing of it concerns data. */
export const useView = create<View>((set) => ({
  active: 1,
  maximised: null,
  help: false,
  letterKeys: localStorage.getItem(LETTERS_KEY) !== "off",
  activate: (active) => set({ active }),
  maximise: (maximised) => set({ maximised }),
  showHelp: (help) => set({ help }),
  setLetterKeys(letterKeys) {
    localStorage.setItem(LETTERS_KEY, letterKeys ? "on" : "off");
    set({ letterKeys });
  },
}));

/** Go to a panel, also when another one fills the screen. */
export function showPanel(panel: PanelNumber): void {
  const view = useView.getState();
  const hidden = view.maximised !== null && view.maximised !== panel;
  if (hidden) view.maximise(panel);
  view.activate(panel);
  // A panel that was hidden behind another takes the focus only once it is drawn.
  if (hidden) requestAnimationFrame(() => focusPanel(panel));
  else focusPanel(panel);
}

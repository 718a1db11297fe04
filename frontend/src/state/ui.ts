import { create } from "zustand";

interface Ui {
  /** Runs that were ticked to be drawn together; null until the first tick, when the page chooses. */
  ticked: readonly string[] | null;
  tick(ids: readonly string[]): void;
}

/** What the person chose on this page, apart from what is in the address. */
export const useUi = create<Ui>((set) => ({
  ticked: null,
  tick: (ids) => set({ ticked: ids }),
}));

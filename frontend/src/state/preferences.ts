import { create } from "zustand";
import { tellTimesIn, type Zone } from "../lib/zone";
import { keep, recall } from "./memory";

/** How this browser likes the page; none of it is in the address, since it is about the person. */
export interface Preferences {
  theme: "DARK" | "LIGHT";
  /** Colours of the runs: the specification's, or Okabe and Ito's, which colour-blind people tell apart. */
  palette: "SPEC" | "SAFE";
  /** Height of a row in pixels; null: as the screen's width has it. */
  rows: "19" | "24" | "28" | null;
  /** Time zone of all times. */
  zone: Zone;
}

const KEY = "stepwire.preferences";
const CHOICES = {
  theme: ["DARK", "LIGHT"],
  palette: ["SPEC", "SAFE"],
  rows: ["19", "24", "28"],
  zone: ["UTC", "LOCAL"],
};
const USUAL: Preferences = { theme: "DARK", palette: "SPEC", rows: null, zone: "UTC" };

export const usePreferences = create<Preferences>(() => stored());

// Before anybody is drawn again.
tellTimesIn(usePreferences.getState().zone);
usePreferences.subscribe(({ zone }) => tellTimesIn(zone));

/** Choose one; what is none of the choices is left as it is. */
export function prefer(name: string, value: string): void {
  if (!isChoice(name, value)) return;
  usePreferences.setState({ [name]: value });
  keep(KEY, JSON.stringify(usePreferences.getState()));
  applyPreferences();
}

/** Tell the style sheets, which know the preferences as attributes of the root. */
export function applyPreferences(root: HTMLElement = document.documentElement): void {
  const { theme, palette, rows } = usePreferences.getState();
  root.dataset.theme = theme.toLowerCase();
  root.dataset.palette = palette.toLowerCase();
  if (rows === null) root.style.removeProperty("--row");
  else root.style.setProperty("--row", `${rows}px`);
}

function stored(): Preferences {
  try {
    const told = Object.entries(JSON.parse(recall(KEY) ?? "{}") as object);
    return { ...USUAL, ...Object.fromEntries(told.filter(([name, value]) => isChoice(name, value))) };
  } catch {
    return USUAL; // somebody else wrote there
  }
}

function isChoice(name: string, value: unknown): boolean {
  return Object.hasOwn(CHOICES, name) && (CHOICES[name as keyof typeof CHOICES] as unknown[]).includes(value);
}

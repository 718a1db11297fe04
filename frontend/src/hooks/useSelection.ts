export interface Selection {
  selected: string | null;
  select(id: string | null): void;
  /** Runs drawn together: the selected one first, then those ticked. */
  compared: string[];
  toggleCompare(id: string): void;
  /** `var(--s1)`…`var(--s6)`. */
  colourOf(id: string): string;
  /** Canvas/SVG dash pattern; empty is solid. */
  dashOf(id: string): readonly number[];
}
export function useSelection(): Selection {
  return { selected: null, select() {}, compared: [], toggleCompare() {}, colourOf: () => "var(--s1)", dashOf: () => [] };
}

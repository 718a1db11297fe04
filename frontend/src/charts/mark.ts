/** Something that happened at a step, marked on the charts. */
export interface Mark {
  step: number;
  kind: "checkpoint" | "best" | "error" | "warning" | "note";
  text: string;
}

/** Colours and places: what went wrong hangs from the top, what was kept stands on the axis. */
export const MARKS: Readonly<Record<Mark["kind"], { colour: string; top: boolean }>> = {
  checkpoint: { colour: "var(--text-primary)", top: false },
  best: { colour: "var(--status-good)", top: false },
  error: { colour: "var(--error-text)", top: true },
  warning: { colour: "var(--status-warning)", top: true },
  note: { colour: "var(--status-info)", top: true },
};

/** Marks within `reach` of a place, in the units of the axis. */
export function marksNear(marks: readonly Mark[], step: number, reach: number): Mark[] {
  return marks.filter((mark) => Math.abs(mark.step - step) <= reach);
}

/** Something that happened at a step, marked on the charts. */
export interface Mark {
  step: number;
  kind: "checkpoint" | "best" | "error" | "warning" | "note";
  text: string;
}

/** A mark on a chart's axis. */
export interface PlacedMark extends Mark {
  x: number;
}

interface MarkLook {
  colour: string;
  shape: "triangle" | "star" | "cross" | "dot";
  /** What went wrong hangs from the top, what was kept stands on the axis. */
  top: boolean;
  /** Of those that would cover one another, the one with the highest rank is drawn. */
  rank: number;
}

export const MARKS: Readonly<Record<Mark["kind"], MarkLook>> = {
  checkpoint: { colour: "var(--good-text)", shape: "triangle", top: false, rank: 0 },
  best: { colour: "var(--text-primary)", shape: "star", top: false, rank: 1 },
  note: { colour: "var(--status-info)", shape: "dot", top: true, rank: 0 },
  warning: { colour: "var(--status-warning)", shape: "triangle", top: true, rank: 1 },
  error: { colour: "var(--error-text)", shape: "cross", top: true, rank: 2 },
};

/** Marks within `reach` of a place, in the units of the axis, the nearest first. */
export function marksNear(marks: readonly PlacedMark[], x: number, reach: number): PlacedMark[] {
  const distance = (mark: PlacedMark) => Math.abs(mark.x - x);
  return marks.filter((mark) => distance(mark) <= reach).sort((left, right) => distance(left) - distance(right));
}

/** Marks that can be told apart: of those closer than `gap` at the same edge, the ones of the highest rank. */
export function thinned<Placed extends Pick<PlacedMark, "x" | "kind">>(
  marks: readonly Placed[],
  gap: number,
): Placed[] {
  const kept: Placed[] = [];
  const byRank = marks.toSorted((left, right) => MARKS[right.kind].rank - MARKS[left.kind].rank);
  const taken = { top: new Set<number>(), bottom: new Set<number>() };
  for (const mark of byRank) {
    const edge = MARKS[mark.kind].top ? taken.top : taken.bottom;
    const cell = gap > 0 ? Math.floor(mark.x / gap) : mark.x;
    if (edge.has(cell)) continue;
    edge.add(cell);
    kept.push(mark);
  }
  return kept;
}

import type { Run } from "../services/types";

export const MAX_COMPARED = 12;
const CHOSEN = 6;

/** Colours of the palette by slot. */
const COLOURS = ["var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)", "var(--s5)", "var(--s6)"];
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [9, 3, 2, 3], [14, 4], [4, 6]];

/** Which runs are drawn with the selected one when nobody chose: those of its project that ran at the same time. */
export function companions(selected: Run, runs: readonly Run[]): string[] {
  const others = runs.filter(
    (run) => run.id !== selected.id && run.project === selected.project && overlap(run, selected),
  );
  return [selected.id, ...others.map((run) => run.id)].slice(0, CHOSEN);
}

function overlap(left: Run, right: Run): boolean {
  return startOf(left) <= endOf(right) && startOf(right) <= endOf(left);
}

// Asked of thousands of runs each time a step came.
const starts = new WeakMap<Run, number>();

function startOf(run: Run): number {
  const known = starts.get(run);
  if (known !== undefined) return known;
  const start = Date.parse(run.start_time ?? run.created_at);
  starts.set(run, start);
  return start;
}

function endOf(run: Run): number {
  return run.end_time === null ? Number.POSITIVE_INFINITY : Date.parse(run.end_time);
}

/** Gives each run that is drawn a colour and a dash, and leaves it to it as long as it is drawn. */
export class Slots {
  private slots = new Map<string, number>();

  /** Who is drawn now: those who left free their slots, those who came take the lowest. */
  assign(ids: readonly string[]): void {
    const kept = ids.filter((id) => this.slots.has(id));
    this.slots = new Map(kept.map((id) => [id, this.slots.get(id) as number]));
    for (const id of ids) if (!this.slots.has(id)) this.slots.set(id, this.lowestFree());
  }

  colourOf(id: string): string {
    const slot = this.slots.get(id);
    return slot === undefined ? "var(--text-dim)" : (COLOURS[slot % COLOURS.length] as string);
  }

  dashOf(id: string): readonly number[] {
    const slot = this.slots.get(id) ?? 0;
    const round = Math.floor(slot / COLOURS.length);
    return DASHES[(slot + round) % DASHES.length] as readonly number[];
  }

  private lowestFree(): number {
    const taken = new Set(this.slots.values());
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    return slot;
  }
}

import type { Run } from "../services/types";

/** What changes with each step. All else of a run changes seldom. */
const PROGRESS: ReadonlySet<string> = new Set(["step", "last_time", "summary", "more", "updated_at", "lamps"]);

let last: readonly Run[] = [];
const known = new WeakMap<readonly Run[], readonly Run[]>();

/**
 * The runs as far as their progress does not matter: the same list as before while none came, went or changed in
 * anything but its progress. Looked through once for all who ask.
 */
export function factsOf(runs: readonly Run[]): readonly Run[] {
  const found = known.get(runs);
  if (found !== undefined) return found;
  if (last.length !== runs.length || runs.some((run, index) => !isAlike(run, last[index]))) last = runs;
  known.set(runs, last);
  return last;
}

function isAlike(run: Run, before: Run | undefined): boolean {
  if (run === before) return true;
  if (before === undefined) return false;
  const names = Object.keys(run) as (keyof Run)[];
  return names.every((name) => PROGRESS.has(name) || run[name] === before[name]);
}

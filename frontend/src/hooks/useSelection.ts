import { useCallback, useMemo } from "react";
import { companions, MAX_COMPARED, Slots } from "../lib/compare";
import type { Run } from "../services/types";
import { changeView, useViewPart } from "../state/view";
import { useRun, useRunFacts } from "./useRuns";

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

const slots = new Slots();

/** The run in the address (`#/runs/<id>`), else the newest that runs, else the newest; and those drawn with it. */
export function useSelection(): Selection {
  const named = useViewPart("run");
  const ticked = useViewPart("compared");
  const runs = useRunFacts();
  const selected = named ?? (runs.find((run) => run.status === "running") ?? runs[0])?.id ?? null;
  const listed = runs.find((run) => run.id === selected) ?? null;
  const unlisted = useRun(listed === null ? selected : null);
  const run = listed ?? unlisted;
  // A list as text, which is the same again when another run came that is not drawn.
  const chosen = ticked ?? (run ? usual(run, runs) : []);
  const text = [...new Set([selected, ...chosen])]
    .filter((id) => id !== null)
    .slice(0, MAX_COMPARED)
    .join("\n");

  const compared = useMemo(() => {
    const ids = text === "" ? [] : text.split("\n");
    slots.assign(ids);
    return ids;
  }, [text]);
  const toggleCompare = useCallback(
    (id: string) =>
      changeView({ compared: compared.includes(id) ? compared.filter((each) => each !== id) : [...compared, id] }),
    [compared],
  );
  return useMemo(
    () => ({
      selected,
      select,
      compared,
      toggleCompare,
      colourOf: (id) => slots.colourOf(id),
      dashOf: (id) => slots.dashOf(id),
    }),
    [selected, compared, toggleCompare],
  );
}

const found = new WeakMap<readonly Run[], Map<Run, string[]>>();

/** Who is drawn with a run when nobody chose; looked for once for all who ask. */
function usual(run: Run, runs: readonly Run[]): string[] {
  const known = found.get(runs) ?? new Map<Run, string[]>();
  found.set(runs, known);
  const ids = known.get(run) ?? companions(run, runs);
  known.set(run, ids);
  return ids;
}

/** Turn to a run; null: whom the page chooses. */
function select(id: string | null): void {
  changeView({ run: id });
}

import { useMemo, useRef } from "react";
import { useNow } from "../../hooks/useNow";
import type { Run } from "../../services/types";
import type { View } from "../../state/address";
import { type Filter, filterIn } from "./filter";
import { ordered, orderIn } from "./order";

const SETTLE_MS = 1000;

export interface Shown {
  runs: readonly Run[];
  /** The same runs as they were up to a second ago, for what looks at all of them. */
  settled: readonly Run[];
  /** What of the filter could not be read. */
  message: string | null;
}

/** The runs that the filter lets through, in the order asked for; who stands where is looked at once a second. */
export function useShown(runs: readonly Run[], filter: string, sort: string): Shown {
  const wanted = useMemo(() => filterIn(filter), [filter]);
  const settled = useSettled(runs);
  const found = useMemo(() => rowsOf(settled, wanted, sort), [settled, wanted, sort]);
  const shown = useMemo(() => (found === settled ? runs : upToDate(found, runs)), [found, settled, runs]);
  return { runs: shown, settled: found, message: wanted.message };
}

/** The rows of the list, now: what `View.filter` lets through in the order of `View.sort`. */
export function shownNow(runs: readonly Run[], { filter, sort }: Pick<View, "filter" | "sort">): readonly Run[] {
  return rowsOf(runs, filterIn(filter), sort);
}

function rowsOf(runs: readonly Run[], { empty, test }: Filter, sort: string): readonly Run[] {
  return ordered(empty ? runs : runs.filter(test), orderIn(sort), Date.now());
}

/** The runs as they were up to a second ago: steps come all the time, and rows that jump can't be read. */
function useSettled(runs: readonly Run[]): readonly Run[] {
  const now = useNow(SETTLE_MS);
  const settled = useRef({ now, runs });
  const { current } = settled;
  if (current.now !== now || current.runs.length !== runs.length) settled.current = { now, runs };
  return settled.current.runs;
}

/** The same rows, each as it is now; those of runs that are gone are left out. */
function upToDate(found: readonly Run[], runs: readonly Run[]): readonly Run[] {
  if (found.length === 0) return found;
  const byId = new Map(runs.map((run) => [run.id, run]));
  return found.map((run) => byId.get(run.id)).filter((run) => run !== undefined);
}

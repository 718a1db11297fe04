import { useCallback, useMemo } from "react";
import { useHashLocation } from "wouter/use-hash-location";
import { companions, MAX_COMPARED, Slots } from "../lib/compare";
import { useUi } from "../state/ui";
import { useRun, useRuns } from "./useRuns";

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
  const [location, navigate] = useHashLocation();
  const { runs } = useRuns();
  const { ticked, tick } = useUi();
  const selected = idIn(location) ?? (runs.find((run) => run.status === "running") ?? runs[0])?.id ?? null;
  const run = useRun(selected);
  // A list as text: the runs' steps change all the time, who is drawn seldom.
  const chosen = ticked ?? (run ? companions(run, runs) : []);
  const text = [...new Set([selected, ...chosen])]
    .filter((id) => id !== null)
    .slice(0, MAX_COMPARED)
    .join("\n");

  const compared = useMemo(() => {
    const ids = text === "" ? [] : text.split("\n");
    slots.assign(ids);
    return ids;
  }, [text]);
  const select = useCallback(
    (id: string | null) => navigate(id === null ? "/" : `/runs/${encodeURIComponent(id)}`),
    [navigate],
  );
  const toggleCompare = useCallback(
    (id: string) => tick(compared.includes(id) ? compared.filter((each) => each !== id) : [...compared, id]),
    [compared, tick],
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
    [selected, select, compared, toggleCompare],
  );
}

function idIn(location: string): string | null {
  const found = /^\/runs\/([^/?]+)/.exec(location)?.[1];
  return found === undefined ? null : decodeURIComponent(found);
}

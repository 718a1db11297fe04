import { queryOptions, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { answerOf } from "../services/api";
import type { Run } from "../services/types";
import { factsOf } from "../state/facts";
import { olderRunsKey, RUNS, runKey } from "../state/keys";
import type { Live } from "../state/live";
import { countByStatus, type ReadRuns, type RunPage } from "../state/merge";
import { readNewest, readOlder } from "../state/runPages";
import { useLive } from "./LiveProvider";

export interface Runs {
  /** Newest first. */
  runs: Run[];
  /** How many are in each status. */
  counts: Record<string, number>;
  loading: boolean;
  error: string | null;
}

const NONE: Run[] = [];

/** The runs, kept true by the socket: new ones, status, step. The newest are there at once, the older ones follow. */
export function useRuns(): Runs {
  const live = useLive();
  const { data, isPending, error } = useQuery(listOf(live));
  const turn = data?.older?.turn ?? null;
  useQuery({
    queryKey: olderRunsKey(turn),
    queryFn: ({ signal }) => readOlder(live, signal),
    enabled: turn !== null && data?.older?.cursor !== null,
    gcTime: 0,
  });
  const counts = data === undefined ? NO_COUNTS : countsOf(data);
  return { runs: data?.runs ?? NONE, counts, loading: isPending, error: error?.message ?? null };
}

/** The runs for whom steps and values do not matter, which come many times a second: these are as old as the list. */
export function useRunFacts(): readonly Run[] {
  const { data } = useQuery({ ...listOf(useLive()), select: pickFacts });
  return data ?? NONE;
}

function pickFacts(page: ReadRuns): readonly Run[] {
  return factsOf(page.runs);
}

function listOf(live: Live) {
  return queryOptions<ReadRuns>({
    queryKey: RUNS,
    queryFn: ({ signal }) => readNewest(live, signal),
    // Thousands of runs would be compared part by part each time a step came.
    structuralSharing: false,
  });
}

const NO_COUNTS: Record<string, number> = {};
const counted = new WeakMap<RunPage, Record<string, number>>();

/** Counted once for all who ask; while older runs are on their way the server's own count holds. */
function countsOf(page: RunPage): Record<string, number> {
  const known = counted.get(page);
  if (known !== undefined) return known;
  const counts = page.next_cursor ? page.counts : countByStatus(page.runs);
  counted.set(page, counts);
  return counts;
}

/** One run, whether the list holds it or not; null while unknown. */
export function useRun(id: string | null): Run | null {
  return useFoundRun(id).run;
}

/** One run, and whether it is still on its way. */
export function useFoundRun(id: string | null): { run: Run | null; loading: boolean } {
  const live = useLive();
  const pick = useCallback((page: ReadRuns) => page.runs.find((run) => run.id === id) ?? null, [id]);
  const { data: listed = null, isPending } = useQuery({ ...listOf(live), select: pick });
  const { data, isLoading } = useQuery({
    queryKey: runKey(id),
    enabled: id !== null && listed === null,
    queryFn: async () => {
      const run = await answerOf(live.client.GET("/api/runs/{run_id}", { params: { path: { run_id: id ?? "" } } }));
      live.feed.seed([run]);
      return run;
    },
  });
  const run = listed ?? (id === null ? null : (data ?? null));
  return { run, loading: run === null && (isPending || isLoading) };
}

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { answerOf } from "../services/api";
import type { Run } from "../services/types";
import { RUNS, runKey } from "../state/keys";
import { countByStatus } from "../state/merge";
import { useLive } from "./LiveProvider";

const MAX_RUNS = 500;

export interface Runs {
  /** Newest first. */
  runs: Run[];
  /** How many are in each status. */
  counts: Record<string, number>;
  loading: boolean;
  error: string | null;
}

const NONE: Run[] = [];

/** The runs, kept true by the socket: new ones, status, step. */
export function useRuns(): Runs {
  const { client, feed } = useLive();
  const { data, isPending, error } = useQuery({
    queryKey: RUNS,
    queryFn: async () => {
      const page = await answerOf(client.GET("/api/runs", { params: { query: { limit: MAX_RUNS } } }));
      feed.seed(page.runs);
      return page;
    },
  });
  const counts = useMemo(() => countsOf(data), [data]);
  return { runs: data?.runs ?? NONE, counts, loading: isPending, error: error?.message ?? null };
}

function countsOf(page: { runs: Run[]; counts: Record<string, number>; next_cursor?: string | null } | undefined) {
  if (page === undefined) return {};
  return page.next_cursor ? page.counts : countByStatus(page.runs);
}

/** One run, whether the list holds it or not; null while unknown. */
export function useRun(id: string | null): Run | null {
  const { client, feed } = useLive();
  const { runs } = useRuns();
  const listed = runs.find((run) => run.id === id);
  const { data } = useQuery({
    queryKey: runKey(id),
    enabled: id !== null && listed === undefined,
    queryFn: async () => {
      const run = await answerOf(client.GET("/api/runs/{run_id}", { params: { path: { run_id: id ?? "" } } }));
      feed.seed([run]);
      return run;
    },
  });
  return listed ?? (id === null ? null : (data ?? null));
}

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { isGlob, meant } from "../lib/patterns";
import { answerOf } from "../services/api";
import { useLive } from "./LiveProvider";
import { useMetricNames } from "./useLiveValue";

export interface Names {
  names: readonly string[];
  /** How many there are, of which `names` may be the first. */
  total: number;
  loading: boolean;
}

const NONE: readonly string[] = [];
const ALL = 1_000_000;

/** Names of a run's metrics that hold a text or fit a glob, asked of the server, which knows all of 100,000. */
export function useNames(runId: string | null, q: string, limit: number): Names {
  const { client, queries } = useLive();
  const known = useMetricNames(runId).length;
  const { data, isPending } = useQuery({
    queryKey: ["metric-names", runId, q, limit],
    enabled: runId !== null,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const params = { path: { run_id: runId ?? "" }, query: { limit, ...(q === "" ? {} : { q }) } };
      return answerOf(client.GET("/api/runs/{run_id}/metrics/names", { params }));
    },
  });
  // A metric that appears is told by its first point.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the number tells that there is a new one
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["metric-names", runId] });
  }, [queries, runId, known]);
  return { names: data?.names ?? NONE, total: data?.total ?? 0, loading: isPending && runId !== null };
}

/** What names and globs mean in a run: names as they are, of globs those that fit. */
export function useMeantNames(runId: string | null, chosen: readonly string[], limit: number): readonly string[] {
  const globs = chosen.filter(isGlob);
  const [only = "", ...others] = globs;
  // One question finds all: that of the only glob, else for all names.
  const question = others.length === 0 ? only : "";
  const { names } = useNames(globs.length === 0 ? null : runId, question, question === "" ? ALL : limit);
  return useMemo(() => {
    const found = chosen.flatMap((each) => (isGlob(each) ? meant(names, [each]) : [each]));
    return [...new Set(found)];
  }, [chosen, names]);
}

/** A text once nobody has typed for a moment. */
export function useSettled(text: string, waitMs: number): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), waitMs);
    return () => clearTimeout(timer);
  }, [text, waitMs]);
  return settled;
}

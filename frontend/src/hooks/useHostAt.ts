import { useQuery } from "@tanstack/react-query";
import { mainMetric } from "../lib/pick";
import { isSampled } from "../live/decode";
import { answerOf, type Client } from "../services/api";
import type { HostSeries, Run } from "../services/types";
import { useLive } from "./LiveProvider";
import { useMetricNames } from "./useLiveValue";

/** What the host of a run did when the run was at a step. */
export interface HostAt {
  step: number;
  /** Microseconds since 1970 UTC. */
  time: number;
  /** By the names of the host's history: `cpu_percent`, `gpu/0/utilization`, …; those nearest to the time. */
  values: Readonly<Record<string, number>>;
}

/** Samples farther away than this tell nothing of the moment. */
const REACH_MICROS = 60e6;
const POINTS = 240;

/** What a run's host did at a step; null while it is not known, or when nobody sampled the host then. */
export function useHostAt(run: Run | null, step: number | null): HostAt | null {
  const { client } = useLive();
  const key = mainMetric(useMetricNames(run?.id ?? null).filter((name) => !isSampled(name)));
  const { data } = useQuery({
    queryKey: ["host-at", run?.id, run?.host, key, step],
    enabled: run?.host != null && step !== null && key !== null,
    gcTime: 60_000,
    retry: false,
    queryFn: () => read(client, run as Run, key as string, step as number),
  });
  return data ?? null;
}

async function read(client: Client, run: Run, key: string, step: number): Promise<HostAt> {
  const path = { run_id: run.id };
  const moment = await answerOf(
    client.GET("/api/runs/{run_id}/metrics/moment", { params: { path, query: { key, step } } }),
  );
  const { time } = moment;
  const query = { host: run.host ?? "", from: time - REACH_MICROS, to: time + REACH_MICROS, points: POINTS };
  const { series } = await answerOf(client.GET("/api/system/history", { params: { query } }));
  return { step: moment.step, time, values: valuesAt(series, time) };
}

/** Of each line the value nearest to a time. */
export function valuesAt(lines: Readonly<Record<string, HostSeries>>, time: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(lines).flatMap(([name, { x, mean }]) => {
      const near = nearest(x, mean, time);
      return near === null ? [] : [[name, near]];
    }),
  );
}

function nearest(x: readonly number[], mean: readonly (number | null)[], time: number): number | null {
  let found: { value: number; far: number } | null = null;
  for (const [at, value] of mean.entries()) {
    const far = Math.abs((x[at] ?? Number.POSITIVE_INFINITY) - time);
    if (value !== null && far < (found?.far ?? Number.POSITIVE_INFINITY)) found = { value, far };
  }
  return found?.value ?? null;
}

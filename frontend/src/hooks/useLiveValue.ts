import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { type Latest, NO_VALUE } from "../live/latest";
import { useLive } from "./LiveProvider";

export type { Latest } from "../live/latest";

const NO_NUMBERS: number[] = [];

/** The newest value of a metric, at most four times a second; NaN and ±Infinity are possible. */
export function useLatest(runId: string | null, key: string | null): Latest {
  const { latest } = useLive().feed;
  const subscribe = useRunChanges(runId);
  return useSyncExternalStore(subscribe, () => (runId === null || key === null ? NO_VALUE : latest.value(runId, key)));
}

/** The course of a metric in at most `n` values, for a sparkline. */
export function useTrend(runId: string | null, key: string | null, n: number): number[] {
  const { feed } = useLive();
  const subscribe = useRunChanges(runId);
  const version = useSyncExternalStore(subscribe, () => (runId === null ? 0 : feed.latest.version(runId)));
  useEffect(() => {
    if (runId !== null && key !== null) feed.wantTrend(runId, key);
  }, [feed, runId, key]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version tells that the trend, which is mutable, changed
  return useMemo(() => {
    const trend = runId === null || key === null ? null : feed.latest.trend(runId, key);
    return trend === null ? NO_NUMBERS : thinned(trend.view().mean, n);
  }, [feed, runId, key, n, version]);
}

export interface Change {
  now: number | null;
  /** The value about `steps` steps earlier; null when the run is younger than that. */
  before: number | null;
}

const NO_CHANGE: Change = { now: null, before: null };

/** A metric now and some steps earlier, as far as its coarse course tells. */
export function useChange(runId: string | null, key: string | null, steps: number): Change {
  const { feed } = useLive();
  const subscribe = useRunChanges(runId);
  const version = useSyncExternalStore(subscribe, () => (runId === null ? 0 : feed.latest.version(runId)));
  useEffect(() => {
    if (runId !== null && key !== null) feed.wantTrend(runId, key);
  }, [feed, runId, key]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version tells that the trend, which is mutable, changed
  return useMemo(() => {
    if (runId === null || key === null) return NO_CHANGE;
    const now = feed.latest.value(runId, key);
    const trend = feed.latest.trend(runId, key);
    return { now: now.value, before: now.step === null ? null : (trend?.valueAt(now.step - steps) ?? null) };
  }, [feed, runId, key, steps, version]);
}

/** Names of a run's metrics, in order. */
export function useMetricNames(runId: string | null): string[] {
  const { latest } = useLive().feed;
  const subscribe = useRunChanges(runId);
  const names = useSyncExternalStore(subscribe, () => (runId === null ? null : latest.names(runId)));
  return useMemo(() => [...(names ?? [])], [names]);
}

/** Every nth value so that no more than `n` remain; the first and the last stay. */
function thinned(values: ArrayLike<number>, n: number): number[] {
  if (values.length <= n) return Array.from(values);
  return Array.from({ length: n }, (_, at) => values[Math.round((at * (values.length - 1)) / (n - 1))] as number);
}

function useRunChanges(runId: string | null): (listener: () => void) => () => void {
  const { latest } = useLive().feed;
  return useCallback(
    (listener: () => void) => (runId === null ? () => {} : latest.subscribe(runId, listener)),
    [latest, runId],
  );
}

export interface Latest {
  /** NaN and ±Infinity are possible. */
  value: number | null;
  step: number | null;
  /** Microseconds since 1970 UTC. */
  time: number | null;
  previous: number | null;
}
export function useLatest(_runId: string | null, _key: string | null): Latest {
  return { value: null, step: null, time: null, previous: null };
}
/** The last `n` values, for a sparkline. */
export function useTrend(_runId: string | null, _key: string | null, _n: number): number[] {
  return [];
}
export function useMetricNames(_runId: string | null): string[] {
  return [];
}

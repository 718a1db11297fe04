import { useMemo } from "react";
import { useLatest, useMetricNames } from "../../hooks/useLiveValue";
import { mainMetric } from "../../lib/pick";
import type { Run } from "../../services/types";

export interface RunLine {
  /** The metric that tells best how the run does. */
  metric: string | null;
  value: number | null;
  previous: number | null;
  /** The newest step, whether the run itself or the metric told of it. */
  step: number | null;
}

/** What one line about a run shows, up to date. */
export function useRunLine(run: Run | null): RunLine {
  const names = useMetricNames(run?.id ?? null);
  const metric = useMemo(() => mainMetric(names), [names]);
  const { value, previous, step } = useLatest(run?.id ?? null, metric);
  return { metric, value, previous, step: newest(run?.step ?? null, step) };
}

function newest(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.max(left, right);
}

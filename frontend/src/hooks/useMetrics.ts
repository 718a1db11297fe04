import { useCallback, useEffect, useMemo, useRef } from "react";
import type { Drawable } from "../live/scheduler";
import type { Series } from "../live/series";
import { useLive } from "./LiveProvider";

export interface MetricsQuery {
  runs: readonly string[];
  metric: string;
}

/** Access to the points of a metric, which never pass through React. */
export interface MetricsHandle {
  seriesOf(runId: string): Series | null;
  /** Have it drawn in one of the next frames, and again whenever points come. */
  attach(chart: Drawable): () => void;
  mark(chart: Drawable): void;
  /** A frame with the newest points of all runs was drawn. */
  drawn(): void;
}

/** Holds the points of a metric of some runs while the component lives; points come by push. */
export function useMetrics({ runs, metric }: MetricsQuery): MetricsHandle {
  const { feed } = useLive();
  const charts = useRef(new Set<Drawable>());
  const ids = runs.join("\n");

  useEffect(() => {
    const changed = () => {
      for (const chart of charts.current) feed.scheduler.mark(chart);
    };
    const ends = list(ids).map((runId) => feed.store.hold(runId, metric, changed));
    changed();
    return () => {
      for (const end of ends) end();
    };
  }, [feed, ids, metric]);

  const seriesOf = useCallback((runId: string) => feed.store.series(runId, metric), [feed, metric]);
  const drawn = useCallback(() => feed.lag.drawn(list(ids), Date.now()), [feed, ids]);
  return useMemo(
    () => ({
      seriesOf,
      drawn,
      mark: (chart) => feed.scheduler.mark(chart),
      attach: (chart) => {
        charts.current.add(chart);
        feed.scheduler.mark(chart);
        return () => {
          charts.current.delete(chart);
          feed.scheduler.forget(chart);
        };
      },
    }),
    [feed, seriesOf, drawn],
  );
}

function list(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

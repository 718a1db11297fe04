import { useEffect, useMemo, useRef } from "react";
import { type ChartHost, type ChartSettings, LineChart } from "../../charts/chart";
import type { ChartWindow } from "../../charts/data";
import { useMetrics } from "../../hooks/useMetrics";
import { useRuns } from "../../hooks/useRuns";
import { useSelection } from "../../hooks/useSelection";

export interface MetricsChartProps {
  /** The first one decides which stretch a window of 100 or 1,000 points shows. */
  runs: readonly string[];
  metric: string;
  window: ChartWindow;
  logScale?: boolean | "auto";
  /** Told which scale is drawn, when it changes. */
  onScale?: ((logarithmic: boolean) => void) | undefined;
  /** A heading inside the chart, where several stand below one another. */
  label?: string | undefined;
}

/** One metric of several runs, live. */
export function MetricsChart({ runs, metric, window, logScale = false, onScale, label }: MetricsChartProps) {
  const root = useRef<HTMLDivElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<LineChart | null>(null);
  const handle = useMetrics({ runs, metric });
  const settings = useSettings({ runs, metric, window, logScale });
  const current = useRef(settings);
  current.current = settings;
  const tellScale = useRef(onScale);
  tellScale.current = onScale;

  useEffect(() => {
    if (root.current === null || place.current === null) return;
    const host: ChartHost = {
      seriesOf: handle.seriesOf,
      onDirty: handle.mark,
      onDrawn: handle.drawn,
      onScale: (logarithmic) => tellScale.current?.(logarithmic),
    };
    const made = new LineChart(root.current, place.current, host, current.current);
    chart.current = made;
    const detach = handle.attach(made);
    return () => {
      detach();
      made.destroy();
    };
  }, [handle]);
  useEffect(() => chart.current?.change(settings), [settings]);

  return (
    <div
      ref={root}
      className="metrics-chart is-empty"
      role="img"
      aria-label={`${metric}: no points yet`}
      data-points="[]"
    >
      {label === undefined ? null : <span className="chart-label">{label}</span>}
      <div ref={place} className="chart-plot" />
      <span className="chart-empty">no {metric} yet</span>
    </div>
  );
}

/** What the chart draws; the same object until something of it changes. */
function useSettings({ runs, metric, window, logScale = false }: MetricsChartProps): ChartSettings {
  const { runs: known } = useRuns();
  const { colourOf, dashOf } = useSelection();
  const lines = runs.map((runId) => {
    const run = known.find((each) => each.id === runId);
    const failed = run?.status === "failed" || run?.status === "crashed";
    return { runId, name: run?.name ?? runId, colour: colourOf(runId), dash: dashOf(runId), failed };
  });
  const text = JSON.stringify(lines);
  return useMemo(() => ({ metric, window, logScale, lines: JSON.parse(text) }), [metric, window, logScale, text]);
}

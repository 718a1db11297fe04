/** Points of the selected run that a chart shows; the others are shown over the same stretch. */
export type ChartWindow = 100 | 1000 | "all";

export interface MetricsChartProps {
  runs: readonly string[];
  metric: string;
  window: ChartWindow;
  logScale?: boolean;
}

export function MetricsChart({ metric }: MetricsChartProps) {
  return <div className="metrics-chart" role="img" aria-label={metric} data-points="[]" />;
}

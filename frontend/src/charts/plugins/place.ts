import type uPlot from "uplot";

/** Canvas pixels of a value; one beyond the chart, however far, is held at its edge. */
export function heightOf(chart: uPlot, value: number): number {
  const { min = 0, max = 1 } = chart.scales.y ?? {};
  const [low, high] = [min ?? 0, max ?? 1];
  return chart.valToPos(Math.min(Math.max(value, low), high), "y", true);
}

import type { LineChart } from "./chart";

const charts = new Set<LineChart>();

/** Note a chart that stands on the page; the result takes it off again. */
export function mounted(chart: LineChart): () => void {
  charts.add(chart);
  return () => charts.delete(chart);
}

// What was written before a font came was written in another one, and no point may come for long.
document.fonts?.addEventListener("loadingdone", () => {
  for (const chart of charts) chart.repaint();
});

/** Charts of a panel, from top to bottom. */
export function chartsOf(panelId: string): LineChart[] {
  return [...charts]
    .filter((chart) => chart.root.closest("[data-panel]")?.getAttribute("data-panel") === panelId)
    .sort((left, right) => left.root.getBoundingClientRect().top - right.root.getBoundingClientRect().top);
}

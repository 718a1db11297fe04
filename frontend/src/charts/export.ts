import { saveFile } from "../lib/save";
import { chartsOf } from "./mounted";
import { pngOf } from "./picture";
import { csvOf } from "./table";
import { svgOf } from "./vectors";

/** Save what the charts of a panel show, in one file. Throws an `Error` to show when there is none. */
export async function exportChart(panelId: string, format: "png" | "svg" | "csv"): Promise<void> {
  const shown = chartsOf(panelId).flatMap((chart) => chart.snapshot() ?? []);
  if (shown.length === 0) throw new Error("There is no chart in this panel.");
  const name = shown.map(({ metric }) => metric.replaceAll(/[^\w.-]+/g, "_")).join("+");
  saveFile(`${name.slice(0, 120)}.${format}`, await WRITERS[format](shown));
}

const WRITERS = {
  csv: async (shown: Parameters<typeof csvOf>[0]) => new Blob([csvOf(shown)], { type: "text/csv" }),
  svg: async (shown: Parameters<typeof svgOf>[0]) => new Blob([svgOf(shown)], { type: "image/svg+xml" }),
  png: pngOf,
};

import { value } from "../lib/format";
import { saveFile } from "../lib/save";
import type { Snapshot } from "./chart";
import type { Cell } from "./data";
import { chartsOf } from "./mounted";
import { logLabels, logSplits, spanLabels, stepLabels, valueLabels, wallLabels } from "./ticks";

/** Save what the charts of a panel show. Throws an `Error` to show when there is none. */
export async function exportChart(panelId: string, format: "png" | "svg" | "csv"): Promise<void> {
  const snapshots = chartsOf(panelId).flatMap((chart) => chart.snapshot() ?? []);
  if (snapshots.length === 0) throw new Error("There is no chart in this panel.");
  for (const snapshot of snapshots) {
    const name = `${snapshot.metric.replaceAll(/[^\w.-]+/g, "_")}.${format}`;
    saveFile(name, await WRITERS[format](snapshot));
  }
}

const WRITERS = {
  csv: async (snapshot: Snapshot) => new Blob([csvOf(snapshot)], { type: "text/csv" }),
  svg: async (snapshot: Snapshot) => new Blob([svgOf(snapshot)], { type: "image/svg+xml" }),
  png: pngOf,
};

const X_NAMES = { step: "step", relative: "seconds", wall: "time", metric: "x" };

/** One row for each x that is drawn; per run its mean, least and largest value, and the smoothed one if any. */
export function csvOf({
  aligned,
  lines,
  metric,
  xKind,
}: Pick<Snapshot, "aligned" | "lines" | "metric" | "xKind">): string {
  const columns = lines.flatMap((line, at) => {
    const cells = aligned.lines[at];
    if (cells === undefined || line.ghost) return [];
    const named = (part: string, values: readonly Cell[]) => ({ name: `${line.name} ${metric} ${part}`, values });
    const parts = [named("mean", cells.value), named("min", cells.min), named("max", cells.max)];
    return cells.smooth ? [...parts, named("smoothed", cells.smooth)] : parts;
  });
  const head = [X_NAMES[xKind], ...columns.map(({ name }) => textCell(name))];
  const rows = aligned.x.map((x, row) => [x, ...columns.map(({ values }) => values[row] ?? "")]);
  return [head, ...rows].map((cells) => cells.join(",")).join("\r\n");
}

/** A name as a cell: a spreadsheet must not take it for a formula. */
function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

const WIDTH = 960;
const HEIGHT = 540;
const BOX = { left: 16, top: 34, right: WIDTH - 76, bottom: HEIGHT - 30 };
const LEGEND_ROW = 16;

/** The chart as vectors on its ground, with title, axes and legend as text. */
export function svgOf(snapshot: Snapshot): string {
  const { lines, aligned, metric } = snapshot;
  const look = getComputedStyle(document.documentElement);
  const colour = (name: string, otherwise: string) => look.getPropertyValue(name).trim() || otherwise;
  const [ground, dim, label, grid] = [
    colour("--bg-primary", "#000"),
    colour("--text-dim", "#9a9a9a"),
    colour("--text-secondary", "#ffa500"),
    colour("--grid-line", "#1c1c1c"),
  ];
  const shown = lines.flatMap((line, at) => (line.ghost ? [] : [{ line, cells: aligned.lines[at] }]));
  const paths = shown.map(({ line, cells }) => {
    const values = cells?.smooth ?? cells?.value ?? [];
    const dash = line.dash.length > 0 ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
    return `<path d="${pathOf(snapshot, values)}" fill="none" stroke="${escaped(line.paint)}"${dash} stroke-width="1.5"/>`;
  });
  const legend = shown.map(({ line }, row) => {
    const y = BOX.top + 12 + row * LEGEND_ROW;
    const text = `${line.name}  ${value(line.lastValue)}`;
    return `<text x="${BOX.right - 8}" y="${y}" text-anchor="end" fill="${escaped(line.paint)}">${escaped(text)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="JetBrains Mono, monospace" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="${ground}"/>`,
    `<text x="${BOX.left}" y="22" fill="${label}" font-weight="700">${escaped(metric)}</text>`,
    ...axes(snapshot, dim, grid),
    ...paths,
    ...legend,
    "</svg>",
  ].join("\n");
}

function axes(snapshot: Snapshot, dim: string, grid: string): string[] {
  const { range, yRange, logScale } = snapshot;
  const across = splitsOf(range, 8);
  const up = logScale ? logSplits(yRange[0], yRange[1]) : splitsOf(yRange, 6);
  const xTexts = labelsOf(snapshot, across);
  const yTexts = logScale ? logLabels(up) : valueLabels(up);
  return [
    ...across.map((x, at) => {
      const place = xPlace(snapshot, x);
      return `<path d="M${place} ${BOX.top}V${BOX.bottom}" stroke="${grid}"/><text x="${place}" y="${HEIGHT - 10}" text-anchor="middle" fill="${dim}">${escaped(xTexts[at] ?? "")}</text>`;
    }),
    ...up.map((y, at) => {
      const place = yPlace(snapshot, y);
      return `<path d="M${BOX.left} ${place}H${BOX.right}" stroke="${grid}"/><text x="${BOX.right + 8}" y="${place + 4}" fill="${dim}">${escaped(yTexts[at] ?? "")}</text>`;
    }),
  ];
}

function labelsOf({ xKind, zone }: Snapshot, splits: readonly number[]): string[] {
  if (xKind === "relative") return spanLabels(splits);
  if (xKind === "wall") return wallLabels(splits, zone);
  return xKind === "metric" ? valueLabels(splits) : stepLabels(splits);
}

/** Round places within a range, about so many. */
function splitsOf([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const gap = [1, 2, 5, 10].map((part) => part * power).find((each) => each >= rough) ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(low / gap); at * gap <= high; at++) found.push(at * gap);
  return found;
}

function pathOf(snapshot: Snapshot, values: readonly Cell[]): string {
  const { aligned, range } = snapshot;
  const parts: string[] = [];
  for (const [at, cell] of values.entries()) {
    const x = aligned.x[at] as number;
    if (typeof cell !== "number" || x < range[0] || x > range[1]) continue;
    parts.push(`${parts.length === 0 ? "M" : "L"}${xPlace(snapshot, x)} ${yPlace(snapshot, cell)}`);
  }
  return parts.join("");
}

function xPlace({ range: [low, high] }: Snapshot, x: number): number {
  return rounded(BOX.left + ((x - low) / (high - low)) * (BOX.right - BOX.left));
}

function yPlace({ yRange: [low, high], logScale }: Snapshot, y: number): number {
  const scale = logScale ? Math.log10 : (each: number) => each;
  const part = (scale(y) - scale(low)) / (scale(high) - scale(low));
  return rounded(BOX.bottom - Math.min(1, Math.max(0, part)) * (BOX.bottom - BOX.top));
}

function rounded(place: number): number {
  return Math.round(place * 100) / 100;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** The drawn canvas below a title and above a legend, on the page's ground. */
async function pngOf({ canvas, metric, lines }: Snapshot): Promise<Blob> {
  const ratio = devicePixelRatio || 1;
  const shown = lines.filter((line) => !line.ghost);
  const [head, row] = [26 * ratio, 18 * ratio];
  const made = document.createElement("canvas");
  made.width = canvas.width;
  made.height = canvas.height + head + shown.length * row + 8 * ratio;
  const context = made.getContext("2d");
  if (context === null) throw new Error("The browser can't draw a picture.");
  const look = getComputedStyle(document.documentElement);
  const paint = (text: string, y: number, colour: string, weight = 400) => {
    context.fillStyle = colour;
    context.font = `${weight} ${12 * ratio}px ${look.getPropertyValue("--font-mono")}`;
    context.fillText(text, 14 * ratio, y);
  };
  context.fillStyle = look.getPropertyValue("--bg-primary") || "#000";
  context.fillRect(0, 0, made.width, made.height);
  paint(metric, 18 * ratio, look.getPropertyValue("--text-secondary"), 700);
  context.drawImage(canvas, 0, head);
  for (const [at, line] of shown.entries()) {
    paint(`— ${line.name}  ${value(line.lastValue)}`, canvas.height + head + (at + 1) * row - 4 * ratio, line.paint);
  }
  return new Promise((resolve, reject) => {
    made.toBlob(
      (blob) => (blob === null ? reject(new Error("The browser can't make a PNG.")) : resolve(blob)),
      "image/png",
    );
  });
}

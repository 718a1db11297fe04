import { value } from "../lib/format";
import type { Snapshot } from "./chart";
import type { DrawnLine } from "./line";
import type { Cell, Reduced } from "./reduce";
import { evenSplits, logLabels, logSplits, spanLabels, stepLabels, valueLabels, wallLabels } from "./ticks";
import { drawnText } from "./words";

const WIDTH = 960;
const HEIGHT = 540;
const BOX = { left: 20, top: 34, right: WIDTH - 76, bottom: HEIGHT - 30 };
const LEGEND_ROW = 16;

/** The charts below one another as vectors on their ground, with titles, axes and legends as text. */
export function svgOf(shown: readonly Snapshot[]): string {
  const look = getComputedStyle(document.documentElement);
  const colour = (name: string, otherwise: string) => look.getPropertyValue(name).trim() || otherwise;
  const colours = {
    ground: colour("--bg-primary", "#000"),
    dim: colour("--text-dim", "#9a9a9a"),
    label: colour("--text-secondary", "#ffa500"),
    grid: colour("--grid-line", "#1c1c1c"),
  };
  const height = HEIGHT * shown.length;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="JetBrains Mono, monospace" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="${colours.ground}"/>`,
    `<clipPath id="box"><rect x="${BOX.left}" y="${BOX.top}" width="${BOX.right - BOX.left}" height="${BOX.bottom - BOX.top}"/></clipPath>`,
    ...shown.map((snapshot, at) => `<g transform="translate(0 ${at * HEIGHT})">\n${chart(snapshot, colours)}\n</g>`),
    "</svg>",
  ].join("\n");
}

type Colours = Readonly<Record<"dim" | "label" | "grid", string>>;

function chart(snapshot: Snapshot, { dim, label, grid }: Colours): string {
  const { lines, metric } = snapshot;
  const drawn = lines.flatMap((line, at) => {
    const own = snapshot.own[at];
    return own === undefined || own.x.length === 0 ? [] : [{ line, own }];
  });
  const told = drawn.filter(({ line }) => !line.ghost);
  const sum = (of: "drawn" | "points") => told.reduce((all, { own }) => all + own[of], 0);
  return [
    text(BOX.left, 22, metric, label, "start", ' font-weight="700"'),
    text(BOX.right, 22, drawnText(sum("drawn"), sum("points")), dim, "end"),
    ...axes(snapshot, dim, grid),
    `<g clip-path="url(#box)" fill="none">`,
    ...drawn.flatMap((each) => curve(snapshot, each)),
    "</g>",
    ...told.map(({ line }, row) => {
      const name = `${line.name}  ${value(line.lastValue)}`;
      return text(BOX.right - 8, BOX.top + 14 + row * LEGEND_ROW, name, line.paint, "end");
    }),
  ].join("\n");
}

/** The band between the extremes, the course, and the smoothed course, before which it is faint. */
function curve(snapshot: Snapshot, { line, own }: { line: DrawnLine; own: Reduced }): string[] {
  const dash = line.dash.length > 0 ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
  const faint = line.ghost ? 0.45 : own.smooth === null ? 1 : 0.3;
  const paint = escaped(line.paint);
  const stroke = (cells: readonly Cell[], opacity: number) =>
    `<path d="${pathOf(snapshot, own.x, cells)}" stroke="${paint}" stroke-opacity="${opacity}"${dash} stroke-width="1.5"/>`;
  const band = `<path d="${bandOf(snapshot, own)}" fill="${paint}" fill-opacity="0.18"/>`;
  return [band, stroke(own.value, faint), ...(own.smooth === null ? [] : [stroke(own.smooth, 1)])];
}

function axes(snapshot: Snapshot, dim: string, grid: string): string[] {
  const { range, yRange, logScale } = snapshot;
  const across = evenSplits(range[0], range[1], 8);
  const up = logScale ? logSplits(yRange[0], yRange[1]) : evenSplits(yRange[0], yRange[1], 6);
  const xTexts = labelsOf(snapshot, across);
  const yTexts = logScale ? logLabels(up) : valueLabels(up);
  return [
    ...across.flatMap((x, at) => {
      const place = xPlace(snapshot, x);
      const rule = `<path d="M${place} ${BOX.top}V${BOX.bottom}" stroke="${grid}"/>`;
      return [rule, text(place, HEIGHT - 10, xTexts[at] ?? "", dim, "middle")];
    }),
    ...up.flatMap((y, at) => {
      const place = yPlace(snapshot, y);
      const rule = `<path d="M${BOX.left} ${place}H${BOX.right}" stroke="${grid}"/>`;
      return [rule, text(BOX.right + 8, place + 4, yTexts[at] ?? "", dim, "start")];
    }),
  ];
}

function labelsOf({ xKind, zone }: Snapshot, splits: readonly number[]): string[] {
  if (xKind === "relative") return spanLabels(splits);
  if (xKind === "wall") return wallLabels(splits, zone);
  return xKind === "metric" ? valueLabels(splits) : stepLabels(splits);
}

/** A stroke that is broken where there is no number. */
function pathOf(snapshot: Snapshot, x: readonly number[], cells: readonly Cell[]): string {
  let path = "";
  let pen = "M";
  for (const [at, cell] of cells.entries()) {
    if (typeof cell === "number") path += `${pen}${xPlace(snapshot, x[at] as number)} ${yPlace(snapshot, cell)}`;
    pen = typeof cell === "number" ? "L" : cell === null ? "M" : pen;
  }
  return path;
}

function bandOf(snapshot: Snapshot, { x, min, max }: Reduced): string {
  const there = x.map((_, at) => at).filter((at) => typeof min[at] === "number" && typeof max[at] === "number");
  const place = (cells: readonly Cell[]) => (at: number) =>
    `${xPlace(snapshot, x[at] as number)} ${yPlace(snapshot, cells[at] as number)}`;
  const edge = [...there.map(place(max)), ...there.toReversed().map(place(min))];
  return edge.length === 0 ? "" : `M${edge.join("L")}Z`;
}

function xPlace({ range: [low, high] }: Snapshot, x: number): number {
  return rounded(BOX.left + ((x - low) / (high - low)) * (BOX.right - BOX.left));
}

function yPlace({ yRange: [low, high], logScale }: Snapshot, y: number): number {
  const scale = logScale ? (each: number) => Math.log10(Math.max(each, Number.MIN_VALUE)) : (each: number) => each;
  const part = (scale(y) - scale(low)) / (scale(high) - scale(low));
  // Far outside is outside all the same, and readers of vectors don't like numbers of 300 digits.
  return rounded(BOX.bottom - Math.min(10, Math.max(-10, part)) * (BOX.bottom - BOX.top));
}

function rounded(place: number): number {
  return Math.round(place * 100) / 100;
}

function text(
  x: number,
  y: number,
  words: string,
  fill: string,
  anchor: "start" | "middle" | "end",
  more = "",
): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${escaped(fill)}"${more}>${escaped(words)}</text>`;
}

/** XML holds no control characters and no halves of characters, not even escaped. */
function escaped(text: string): string {
  const told = text.replaceAll(/[\p{Cc}\p{Cs}]/gu, " ");
  return told.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

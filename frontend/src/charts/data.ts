import type { Columns, Series } from "../live/series";
import { lowerBound } from "../live/series";

/** How many points of the first run a chart shows, or all; the others are shown over the same stretch. */
export type ChartWindow = 100 | 1000 | "all";

export type Range = readonly [number, number];

/** Undefined: this line has no point at that x, and is drawn across it. Null can't be drawn (log scale). */
export type Cell = number | null | undefined;

/** One line on the chart's shared x. */
export interface LineColumns {
  value: Cell[];
  max: Cell[];
  min: Cell[];
}

export interface Aligned {
  x: number[];
  lines: LineColumns[];
}

interface Entry {
  x: number;
  mean: number;
  min: number;
  max: number;
  count: number;
}

/** The stretch of x to show; null while there is nothing to show. */
export function stretch(series: readonly (Series | null)[], window: ChartWindow): Range | null {
  const full = fullStretch(series);
  const leading = series.find((each) => each !== null && each.length > 0);
  if (full === null || window === "all" || !leading) return full;
  const { x } = leading.view();
  return [Math.max(x[0] as number, leading.startOfLast(window)), x[x.length - 1] as number];
}

function fullStretch(series: readonly (Series | null)[]): Range | null {
  const ends = series.flatMap((each) => {
    const x = each?.view().x;
    return x && x.length > 0 ? [x[0] as number, x[x.length - 1] as number] : [];
  });
  return ends.length === 0 ? null : [Math.min(...ends), Math.max(...ends)];
}

/** All lines on one ascending x, with at most about `buckets` entries each. */
export function align(series: readonly (Series | null)[], range: Range, buckets: number): Aligned {
  const entries = series.map((each) => (each === null ? [] : reduce(each.view(), range, buckets)));
  const x = sharedX(entries);
  return { x, lines: entries.map((line) => spread(line, x)) };
}

/** Entries of one series inside the range, and one more on either side, gathered into buckets where they are many. */
export function reduce(columns: Columns, [low, high]: Range, buckets: number): Entry[] {
  const first = Math.max(0, lowerBound(columns.x, columns.x.length, low) - 1);
  const after = lowerBound(columns.x, columns.x.length, high);
  const last = Math.min(columns.x.length - 1, after);
  const few = last - first < buckets;
  // A power of two keeps the buckets where they are while the range grows, so that the line does not shimmer.
  const width = few ? 0 : 2 ** Math.ceil(Math.log2((high - low) / buckets));
  const found: Entry[] = [];
  for (let index = first; index <= last; index++) gather(found, entryAt(columns, index), width, index === last);
  return found;
}

function gather(found: Entry[], entry: Entry, width: number, isLast: boolean): void {
  const before = found.at(-1);
  const together = before !== undefined && !isLast && width > 0;
  if (together && Math.floor(before.x / width) === Math.floor(entry.x / width)) {
    const count = before.count + entry.count;
    before.mean += ((entry.mean - before.mean) * entry.count) / count;
    before.min = Math.min(before.min, entry.min);
    before.max = Math.max(before.max, entry.max);
    before.count = count;
  } else {
    found.push(entry);
  }
}

function entryAt(columns: Columns, index: number): Entry {
  const isEnd = index === columns.x.length - 1;
  return {
    x: columns.x[index] as number,
    // The line ends at the value that was logged last, where its tag stands.
    mean: (isEnd ? columns.last[index] : columns.mean[index]) as number,
    min: columns.min[index] as number,
    max: columns.max[index] as number,
    count: columns.count[index] as number,
  };
}

function sharedX(lines: readonly Entry[][]): number[] {
  const all = Float64Array.from(lines.flatMap((line) => line.map((entry) => entry.x))).sort();
  return Array.from(all.filter((x, index) => index === 0 || x !== all[index - 1]));
}

function spread(line: readonly Entry[], x: readonly number[]): LineColumns {
  const value: Cell[] = new Array(x.length);
  const [max, min]: [Cell[], Cell[]] = [new Array(x.length), new Array(x.length)];
  let at = 0;
  for (const entry of line) {
    while ((x[at] as number) < entry.x) at += 1;
    value[at] = entry.mean;
    max[at] = entry.max;
    min[at] = entry.min;
  }
  return { value, max, min };
}

/** What a logarithmic scale can't show becomes null. */
export function positive(cells: readonly Cell[]): Cell[] {
  return cells.map((cell) => (typeof cell === "number" && cell <= 0 ? null : cell));
}

/** From this ratio of largest to smallest value on, a linear scale shows the largest only. */
const DECADES = 100;

/** Whether a logarithmic scale tells more: all values are above zero, and they span two decades or more. */
export function suitsLogScale(lines: readonly LineColumns[]): boolean {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const cell of lines.flatMap((line) => [...line.min, ...line.max])) {
    if (typeof cell !== "number") continue;
    if (cell <= 0) return false;
    low = Math.min(low, cell);
    high = Math.max(high, cell);
  }
  return high / low >= DECADES;
}

/** How far beyond the bulk of the values the range goes, in times of the bulk's own; decades add up sooner. */
const REACH = 8;
const LOG_REACH = 0.5;

/** A line whose values are this many times farther away than the others' range has left the chart. */
const RUNAWAY = 1000;

/**
 * Range of y with a margin. What shoots up far beyond the rest (a diverging run) leaves the chart at its edge, so
 * that it does not press the others flat; where the other lines begin is always inside.
 */
export function valueRange(lines: readonly LineColumns[], logScale: boolean): Range {
  const scale = logScale ? Math.log10 : (value: number) => value;
  const back = (value: number) => (logScale ? 10 ** Math.min(300, Math.max(-300, value)) : clamped(value));
  const usable = (cells: readonly Cell[]) => cells.filter((cell) => isUsable(cell, logScale)).map(scale);
  const known = lines.map((line) => ({
    start: beginning(usable(line.value), usable(line.min)),
    sorted: usable([...line.value, ...line.min, ...line.max]).sort(ascending),
  }));
  const calm = withoutRunaways(known.filter((line) => line.sorted.length > 0));
  if (calm.length === 0) return logScale ? [0.1, 1] : [0, 1];
  const sorted = calm.flatMap((line) => line.sorted).sort(ascending);
  const starts = calm.flatMap((line) => line.start);
  const [low, high] = withoutOutliers(sorted, starts, logScale ? LOG_REACH : REACH);
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [back(low - margin), back(high + margin)];
}

function clamped(value: number): number {
  return Math.min(1e300, Math.max(-1e300, value));
}

/** The first few values of a line, but for those that shoot up at once. */
function beginning(values: readonly number[], mins: readonly number[]): number[] {
  const [first] = mins;
  if (first === undefined) return [];
  const limit = first + 10 * Math.abs(first);
  return [first, ...values.slice(0, Math.ceil(values.length * 0.03)).filter((value) => value <= limit)];
}

function isUsable(cell: Cell, logScale: boolean): cell is number {
  return typeof cell === "number" && (!logScale || cell > 0);
}

function ascending(left: number, right: number): number {
  return left - right;
}

function share(sorted: readonly number[], part: number): number {
  return sorted[Math.round(part * (sorted.length - 1))] as number;
}

/** Lines but those that are, most of the time, far beyond the lower half of all. */
function withoutRunaways<Known extends { sorted: number[] }>(lines: readonly Known[]): Known[] {
  const levels = lines.map((line) => share(line.sorted, 0.75)).sort(ascending);
  const usual = levels[Math.floor((levels.length - 1) / 2)] ?? 0;
  const bottom = Math.min(...lines.map((line) => share(line.sorted, 0.05)));
  const limit = usual + RUNAWAY * (usual - bottom || Math.abs(usual));
  return lines.filter((line) => share(line.sorted, 0.75) <= limit);
}

function withoutOutliers(sorted: readonly number[], starts: readonly number[], times: number): Range {
  const [first, last, low, high] = [share(sorted, 0), share(sorted, 1), share(sorted, 0.05), share(sorted, 0.75)];
  const reach = times * (high - low);
  if (reach === 0) return [first, last];
  return [Math.max(first, Math.min(low - reach, ...starts)), Math.min(last, Math.max(high + reach, ...starts))];
}

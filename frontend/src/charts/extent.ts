import type { Aligned } from "./data";
import type { Cell, Range } from "./reduce";

type Lines = readonly Pick<Aligned["lines"][number], "value" | "min" | "max">[];

/** From this ratio of largest to smallest value on, a linear scale shows the largest only. */
const DECADES = 100;

/** Whether a logarithmic scale tells more: all values are above zero, and they span two decades or more. */
export function suitsLogScale(lines: Lines): boolean {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const { min, max } of lines) {
    for (const cell of min) if (typeof cell === "number" && cell < low) low = cell;
    for (const cell of max) if (typeof cell === "number" && cell > high) high = cell;
  }
  return low > 0 && high / low >= DECADES;
}

/** How far beyond the bulk of the values the range goes, in times of the bulk's own; decades add up sooner. */
const REACH = 8;
const LOG_REACH = 0.5;

/** A line whose values are this many times farther away than the others' range has left the chart. */
const RUNAWAY = 1000;

/** So many entries of a line tell where its bulk is; its extremes are looked for among all. */
const SAMPLES = 150;

interface Known {
  /** Its first values, which are always inside. */
  start: number[];
  /** Some of its values, ascending; the least and the largest are among them. */
  sorted: Float64Array;
}

/**
 * Range of y with a margin. What shoots up far beyond the rest (a diverging run) leaves the chart at its edge, so
 * that it does not press the others flat; where the other lines begin is always inside.
 */
export function valueRange(lines: Lines, logScale: boolean): Range {
  const back = (value: number) => (logScale ? 10 ** Math.min(300, Math.max(-300, value)) : clamped(value));
  const known = lines.map((line) => knownOf(line, logScale)).filter((line) => line.sorted.length > 0);
  const calm = withoutRunaways(known);
  if (calm.length === 0) return logScale ? [0.1, 1] : [0, 1];
  const starts = calm.flatMap((line) => line.start);
  const sorted = joined(calm.map((line) => line.sorted));
  const [low, high] = withoutOutliers(sorted, starts, logScale ? LOG_REACH : REACH);
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [back(low - margin), back(high + margin)];
}

function knownOf({ value, min, max }: Lines[number], logScale: boolean): Known {
  const scale = logScale ? Math.log10 : (number: number) => number;
  const usable = (cell: Cell): cell is number => typeof cell === "number" && (!logScale || cell > 0);
  const values = value.filter(usable);
  const firstLow = min.find(usable);
  const samples = [value, min, max].flatMap((cells) => sampled(cells.filter(usable)));
  return {
    start: beginning(values, firstLow).map(scale),
    sorted: Float64Array.from(samples, scale).sort(),
  };
}

/** Values at equal distances, with the least and the largest of all. */
function sampled(values: readonly number[]): number[] {
  const every = Math.ceil(values.length / SAMPLES);
  if (every <= 1) return [...values];
  const found: number[] = [];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (value < low) low = value;
    if (value > high) high = value;
    if (at % every === 0) found.push(value);
  }
  found.push(low, high);
  return found;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}

function clamped(value: number): number {
  return Math.min(1e300, Math.max(-1e300, value));
}

/** The first few values of a line, but for those that shoot up at once. */
function beginning(values: readonly number[], first: number | undefined): number[] {
  if (first === undefined) return [];
  const limit = first + 10 * Math.abs(first);
  return [first, ...values.slice(0, Math.ceil(values.length * 0.03)).filter((value) => value <= limit)];
}

function share(sorted: ArrayLike<number>, part: number): number {
  return sorted[Math.round(part * (sorted.length - 1))] as number;
}

/** Lines but those that are, most of the time, far beyond the lower half of all. */
function withoutRunaways(lines: readonly Known[]): Known[] {
  const levels = lines.map((line) => share(line.sorted, 0.75)).sort((left, right) => left - right);
  const usual = levels[Math.floor((levels.length - 1) / 2)] ?? 0;
  const bottom = Math.min(...lines.map((line) => share(line.sorted, 0.05)));
  const limit = usual + RUNAWAY * (usual - bottom || Math.abs(usual));
  return lines.filter((line) => share(line.sorted, 0.75) <= limit);
}

function withoutOutliers(sorted: ArrayLike<number>, starts: readonly number[], times: number): Range {
  const [first, last, low, high] = [share(sorted, 0), share(sorted, 1), share(sorted, 0.05), share(sorted, 0.75)];
  const reach = times * (high - low);
  if (reach === 0) return [first, last];
  return [Math.max(first, Math.min(low - reach, ...starts)), Math.min(last, Math.max(high + reach, ...starts))];
}

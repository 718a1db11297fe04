import type { Cell, Range, Reduced } from "./reduce";

type Lines = readonly Pick<Reduced, "value" | "min" | "max">[];

/** From this ratio of largest to smallest value on, a linear scale shows the largest only. */
const DECADES = 100;

/** Whether a logarithmic scale tells more: all values are above zero, and they span two decades or more. */
export function suitsLogScale(lines: Lines): boolean {
  const low = extreme(
    lines.map(({ min }) => min),
    Math.min,
    Number.POSITIVE_INFINITY,
  );
  const high = extreme(
    lines.map(({ max }) => max),
    Math.max,
    0,
  );
  return low > 0 && high / low >= DECADES;
}

function extreme(columns: readonly (readonly Cell[])[], of: (a: number, b: number) => number, start: number): number {
  let found = start;
  for (const cells of columns) for (const cell of cells) if (typeof cell === "number") found = of(found, cell);
  return found;
}

/** How far beyond the bulk of the values the range goes, in times of the bulk's own; decades add up sooner. */
const REACH = 8;
const LOG_REACH = 0.5;

/** A line whose values are this many times farther away than the others' range has left the chart. */
const RUNAWAY = 1000;

/** So many entries of a line tell where its bulk is; its extremes are looked for among all. */
const SAMPLES = 80;

interface Known {
  /** Its first values, which are always inside. */
  start: number[];
  /** Some of its values, ascending; the least and the largest are among them. */
  sorted: Float64Array;
}

/**
 * Range of y with a margin. What shoots up far beyond the rest (a diverging run) leaves the chart at its edge, so
 * that it does not press the others flat; where the other lines begin is always inside. With `all` nothing leaves it:
 * who looks at a part looks at what is unusual.
 */
export function valueRange(lines: Lines, logScale: boolean, all = false): Range {
  const back = (value: number) => (logScale ? 10 ** Math.min(300, Math.max(-300, value)) : clamped(value));
  const known = lines.map((line) => knownOf(line, logScale)).filter((line) => line.sorted.length > 0);
  const calm = all ? known : withoutRunaways(known);
  if (calm.length === 0) return logScale ? [0.1, 1] : [0, 1];
  const starts = calm.flatMap((line) => line.start);
  const sorted = joined(calm.map((line) => line.sorted));
  const times = all ? Number.POSITIVE_INFINITY : logScale ? LOG_REACH : REACH;
  const [low, high] = withoutOutliers(sorted, starts, times);
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [back(low - margin), back(high + margin)];
}

function knownOf({ value, min, max }: Lines[number], logScale: boolean): Known {
  const scaled = (cell: Cell) => {
    if (typeof cell !== "number" || !Number.isFinite(cell)) return null;
    if (!logScale) return clamped(cell);
    return cell > 0 ? Math.log10(Math.max(1e-300, clamped(cell))) : null;
  };
  const every = Math.ceil(value.length / SAMPLES);
  const found: number[] = [];
  for (const cells of [value, min, max]) {
    for (let at = 0; at < cells.length; at += every) take(found, scaled(cells[at]));
  }
  const usable = (cell: Cell) => typeof cell === "number" && (!logScale || cell > 0);
  take(found, scaled(extreme([logScale ? min.filter(usable) : min], Math.min, Number.POSITIVE_INFINITY)));
  take(found, scaled(extreme([max], Math.max, Number.NEGATIVE_INFINITY)));
  const first = scaled(min.find(usable));
  return {
    start: first === null ? [] : beginning(value, first, scaled),
    sorted: new Float64Array(found).sort(),
  };
}

function take(found: number[], value: number | null): void {
  if (value !== null) found.push(value);
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
function beginning(cells: readonly Cell[], first: number, scaled: (cell: Cell) => number | null): number[] {
  const limit = first + 10 * Math.abs(first);
  const few = cells.slice(0, Math.ceil(cells.length * 0.03)).map(scaled);
  return [first, ...few.filter((value) => value !== null && value <= limit)] as number[];
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
  if (reach === 0 || Number.isNaN(reach)) return [first, last];
  return [Math.max(first, Math.min(low - reach, ...starts)), Math.min(last, Math.max(high + reach, ...starts))];
}

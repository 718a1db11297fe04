import type { Range } from "./reduce";

/** Closer than this part of all there is to see nobody looks. */
const LEAST = 1e-7;
const PAN = 0.25;
const DIGITS = 4;

/** A stretch that is `factor` times as wide, with `centre` where it was; null when it holds all of `full`. */
export function zoomedBy(factor: number, centre: number, [low, high]: Range, full: Range): Range | null {
  const least = Math.max((full[1] - full[0]) * LEAST, Number.MIN_VALUE);
  const span = Math.max(least, (high - low) * factor);
  const before = high > low ? (centre - low) / (high - low) : 0.5;
  return within([centre - before * span, centre + (1 - before) * span], full);
}

/** A stretch moved by a quarter of itself, as far as there is something to see. */
export function panned(direction: 1 | -1, [low, high]: Range, full: Range): Range | null {
  const span = high - low;
  const by = direction * span * PAN;
  const start = Math.min(Math.max(low + by, Math.min(full[0], low)), Math.max(full[1] - span, low));
  return within([start, start + span], full);
}

/** With as few digits as tell its ends apart, for the address; null when all there is fits in. */
export function within([low, high]: Range, full: Range): Range | null {
  if (low <= full[0] && high >= full[1]) return null;
  const unit = 10 ** (Math.floor(Math.log10(high - low)) - DIGITS + 1);
  const rounded = (value: number) => (unit > 0 ? Number((Math.round(value / unit) * unit).toPrecision(15)) : value);
  const [start, end] = [rounded(low), rounded(high)];
  return start < end ? [start, end] : [low, high];
}

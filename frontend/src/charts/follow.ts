import type { Range } from "./reduce";

/** It moves on by such a part of what has to be in view, and begins with twice as much room. */
const ROOM = 0.015;
/** What is shown may be wider than it has to be by this part. */
const SLACK = 0.06;

/**
 * The stretch to show while points come, with a little room at its end. It stays as long as the newest points fit into
 * it and then moves on by whole pixels, so that most points need nothing drawn but themselves.
 *
 * @param wanted What has to be in view.
 * @param before What was shown before, null at first.
 * @param pixels Width of the chart on the screen.
 */
export function followed(wanted: Range, before: Range | null, pixels: number): Range {
  const [low, high] = wanted;
  const room = (high - low) * ROOM;
  const anew: Range = [low, high + 2 * room];
  if (before === null || low < before[0]) return anew;
  const span = before[1] - before[0];
  if (span > (high - low) * (1 + SLACK)) return anew;
  if (high <= before[1]) return before;
  const unit = span / Math.max(1, pixels);
  const by = Math.ceil((high + room - before[1]) / unit) * unit;
  return before[0] + by > low ? anew : [before[0] + by, before[1] + by];
}

/** The same, unless it is a single place: then as much on either side as tells the ends apart. */
export function widened([low, high]: Range): Range {
  const by = low < high ? 0 : Math.max(1, Math.abs(low) * 1e-9);
  return by === 0 ? [low, high] : [low - by, high + by];
}

/** The margin of a range of values, in parts of it. */
const MARGIN = 0.06 / 1.12;
/** Values that fill less than this part of the chart get another scale. */
const LEAST_PART = 0.8;

/** The range of values to show: the one before as long as the values suit it, so that the scale does not tremble. */
export function steadied(wanted: Range, before: Range | null, logScale: boolean): Range {
  if (before === null) return wanted;
  const scaled = ([low, high]: Range) => (logScale ? [Math.log10(low), Math.log10(high)] : [low, high]) as Range;
  const [[low, high], [least, most]] = [scaled(wanted), scaled(before)];
  const margin = (high - low) * MARGIN;
  const fits = low + margin >= least && high - margin <= most;
  return fits && high - low >= (most - least) * LEAST_PART ? before : wanted;
}

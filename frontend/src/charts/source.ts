import type { Columns } from "../live/series";

/** What is known of one line: its course on the chart's axis, and what a course can't tell. */
export interface Source {
  course: Columns;
  /** The same as long as the course only grew at its end; null when nothing is known of that. */
  revision: string | null;
  /** Places at which the value was NaN or infinite. */
  odd: readonly number[];
  /** Value as last logged; may be NaN or infinite. */
  lastValue: number | null;
  lastStep: number | null;
  /** Points that were logged. */
  points: number;
}

/** A stretch of the axis, and in how many buckets it is shown. */
export interface Shown {
  range: readonly [number, number];
  buckets: number;
}

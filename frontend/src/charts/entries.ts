import { sharedX } from "./data";
import { type Course, type Range, type Reduced, Reduction } from "./reduce";
import { smoothed } from "./smooth";
import type { Source } from "./source";

/** What is drawn of the lines of a chart, from one time to the next. */
export class Entries {
  /** Of each line, in the order of the lines. */
  own: readonly Reduced[] = [];
  /** From which x on each line is not what it was when it was drawn last. */
  changed: readonly number[] = [];
  /** The x of all lines, for the pointer. */
  x: readonly number[] = [];
  private readonly reductions: Reduction[] = [];

  /** @param smoothing Weight of what was before, 0 for none. */
  reduce(sources: readonly (Source | null)[], smoothing: number, range: Range, buckets: number): void {
    const made = sources.map((source, at) => {
      const reduction = this.reductions[at] ?? new Reduction();
      this.reductions[at] = reduction;
      const about = source?.revision == null ? null : `${source.revision} ${smoothing}`;
      const own = reduction.reduce(courseOf(source, smoothing), about, range, buckets);
      return { own, changed: Math.min(this.changed[at] ?? Number.NEGATIVE_INFINITY, reduction.changed) };
    });
    this.own = made.map(({ own }) => own);
    this.changed = made.map(({ changed }) => changed);
    this.x = sharedX(this.own);
  }

  /** All of it was drawn. */
  drawn(): void {
    this.changed = this.changed.map(() => Number.POSITIVE_INFINITY);
  }
}

function courseOf(source: Source | null, smoothing: number): Course {
  if (source === null) return NO_COURSE;
  const { course, odd } = source;
  return smoothing > 0 ? { ...course, odd, smooth: smoothed(course, smoothing) } : { ...course, odd };
}

const NO_COURSE: Course = (() => {
  const none = new Float64Array(0);
  return { x: none, mean: none, min: none, max: none, last: none, count: none };
})();

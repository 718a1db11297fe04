import type { Columns } from "../live/series";
import type { Range, Reduced } from "./reduce";

/** How many points of the first run a chart shows, or all; the others are shown over the same stretch. */
export type ChartWindow = 100 | 1000 | "all";

/** The stretch of x to show; null while there is nothing to show. */
export function stretch(courses: readonly (Columns | null)[], window: ChartWindow): Range | null {
  const full = fullStretch(courses);
  const leading = courses.find((each) => each !== null && each.x.length > 0);
  if (full === null || window === "all" || !leading) return full;
  const { x } = leading;
  return [Math.max(x[0] as number, startOfLast(leading, window)), x[x.length - 1] as number];
}

/** Where the newest `points` points of a course begin; `-Infinity` when there are fewer. */
function startOfLast({ x, count }: Columns, points: number): number {
  let left = points;
  for (let at = x.length - 1; at >= 0; at--) {
    left -= count[at] as number;
    if (left <= 0) return x[at] as number;
  }
  return Number.NEGATIVE_INFINITY;
}

function fullStretch(courses: readonly (Columns | null)[]): Range | null {
  const ends = courses.flatMap((each) => {
    const x = each?.x;
    return x && x.length > 0 ? [x[0] as number, x[x.length - 1] as number] : [];
  });
  return ends.length === 0 ? null : [Math.min(...ends), Math.max(...ends)];
}

/** How many points of all courses come after an x. */
export function pointsAfter(courses: readonly (Columns | null)[], end: number): number {
  let more = 0;
  for (const course of courses) {
    if (course === null) continue;
    for (let at = course.x.length - 1; at >= 0 && (course.x[at] as number) > end; at--)
      more += course.count[at] as number;
  }
  return more;
}

/** The x of all lines, ascending, each once. */
export function sharedX(lines: readonly Reduced[]): number[] {
  const filled = lines.filter((line) => line.x.length > 0).map((line) => line.x);
  const [first = []] = filled;
  if (filled.every((x) => same(x, first))) return first;
  const all = new Float64Array(filled.reduce((sum, x) => sum + x.length, 0));
  let at = 0;
  for (const x of filled) {
    all.set(x, at);
    at += x.length;
  }
  all.sort();
  return Array.from(all.filter((x, index) => index === 0 || x !== all[index - 1]));
}

function same(left: readonly number[], right: readonly number[]): boolean {
  return left === right || (left.length === right.length && left.every((x, at) => x === right[at]));
}

import type { Columns } from "../live/series";
import { lowerBound } from "../live/series";

export type Range = readonly [number, number];

/** Undefined: this line has no point at that x, and is drawn across it. Null can't be drawn, and breaks the line. */
export type Cell = number | null | undefined;

/** A course, and what else is drawn of it. */
export interface Course extends Columns {
  /** Its smoothed values, where it is smoothed. */
  smooth?: Float64Array | undefined;
  /** Places at which the value was NaN or infinite. */
  odd?: readonly number[] | undefined;
}

/** The entries of a course that are drawn, ascending in x. */
export interface Reduced {
  x: number[];
  value: Cell[];
  max: Cell[];
  min: Cell[];
  smooth: Cell[] | null;
  /** Entries within the range, and the points that they stand for. */
  drawn: number;
  points: number;
}

/**
 * Entries of a course inside the range, and one more on either side, gathered into buckets where they are many. Where
 * they are few, a value that was not finite breaks the line.
 */
export function reduce(course: Course, [low, high]: Range, buckets: number): Reduced {
  const { x } = course;
  const first = Math.max(0, lowerBound(x, x.length, low) - 1);
  const last = Math.min(x.length - 1, lowerBound(x, x.length, high));
  // A power of two keeps the buckets where they are while the range grows, so that the line does not shimmer.
  const width = last - first < buckets ? 0 : 2 ** Math.ceil(Math.log2((high - low) / buckets));
  const made = width > 0 ? gathered(course, first, last, width) : taken(course, first, last);
  const from = lowerBound(x, x.length, low);
  for (let at = from; at <= last && (x[at] as number) <= high; at++) made.points += course.count[at] as number;
  made.drawn = made.x.filter((each, at) => each >= low && each <= high && made.value[at] !== null).length;
  return made;
}

function empty(smooth: boolean): Reduced {
  return { x: [], value: [], max: [], min: [], smooth: smooth ? [] : null, drawn: 0, points: 0 };
}

/** Every entry as it is, with a gap where there was no number. */
function taken(course: Course, first: number, last: number): Reduced {
  const made = empty(course.smooth !== undefined);
  const odd = (course.odd ?? []).toSorted((left, right) => left - right);
  let next = 0;
  for (let at = first; at <= last; at++) {
    const x = course.x[at] as number;
    for (; next < odd.length && (odd[next] as number) <= x; next++) {
      if (at > first && odd[next] !== x && odd[next] !== made.x.at(-1)) gap(made, odd[next] as number);
    }
    made.x.push(x);
    made.value.push(valueAt(course, at));
    made.max.push(course.max[at]);
    made.min.push(course.min[at]);
    made.smooth?.push(course.smooth?.[at]);
  }
  return made;
}

function gap(made: Reduced, x: number): void {
  made.x.push(x);
  for (const cells of [made.value, made.max, made.min]) cells.push(null);
  made.smooth?.push(undefined);
}

/** One entry for all that fall into the same bucket; the last one stays by itself. */
function gathered(course: Course, first: number, last: number, width: number): Reduced {
  const made = empty(course.smooth !== undefined);
  let open = Number.NaN;
  let count = 0;
  for (let at = first; at <= last; at++) {
    const cell = at === last ? Number.NaN : Math.floor((course.x[at] as number) / width);
    const own = course.count[at] as number;
    if (cell === open) {
      count += own;
      merge(made, course, at, own / count);
    } else {
      made.x.push(course.x[at] as number);
      made.value.push(valueAt(course, at));
      made.max.push(course.max[at]);
      made.min.push(course.min[at]);
      made.smooth?.push(course.smooth?.[at]);
      open = cell;
      count = own;
    }
  }
  return made;
}

function merge(made: Reduced, course: Course, at: number, share: number): void {
  const end = made.x.length - 1;
  const mean = made.value[end] as number;
  made.value[end] = mean + ((course.mean[at] as number) - mean) * share;
  made.max[end] = Math.max(made.max[end] as number, course.max[at] as number);
  made.min[end] = Math.min(made.min[end] as number, course.min[at] as number);
  if (made.smooth !== null) made.smooth[end] = course.smooth?.[at];
}

/** The line ends at the value that was logged last, where its tag stands. */
function valueAt({ x, mean, last }: Course, at: number): number {
  return (at === x.length - 1 ? last[at] : mean[at]) as number;
}

/** What of a line is in view: its entries within a range; where it merely crosses it, those on either side. */
export function seen(line: Reduced, [low, high]: Range): Pick<Reduced, "value" | "min" | "max"> {
  const { x } = line;
  let from = lowerBound(x, x.length, low);
  let to = lowerBound(x, x.length, high);
  if (x[to] === high) to += 1;
  if (from >= to) {
    if (from === 0 || to === x.length) return { value: [], min: [], max: [] };
    [from, to] = [from - 1, to + 1];
  }
  const part = (cells: readonly Cell[]) => cells.slice(from, to);
  return { value: part(line.value), min: part(line.min), max: part(line.max) };
}

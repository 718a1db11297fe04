import type { Columns } from "../live/series";
import { lowerBound } from "../live/series";

export type Range = readonly [number, number];

export function sameRange(left: Range, right: Range): boolean {
  return left[0] === right[0] && left[1] === right[1];
}

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
export function reduce(course: Course, range: Range, buckets: number): Reduced {
  const [low, high] = range;
  const { x } = course;
  const first = Math.max(0, lowerBound(x, x.length, low) - 1);
  const last = Math.min(x.length - 1, lowerBound(x, x.length, high));
  const width = bucketWidth(last - first, range, buckets);
  const made = empty(course.smooth !== undefined);
  if (width > 0) gather(made, course, first, last, width);
  else take(made, course, first, last);
  count(made, course, range);
  return made;
}

/** A power of two keeps the buckets where they are while the range grows, so that the line does not shimmer; 0: none. */
function bucketWidth(entries: number, [low, high]: Range, buckets: number): number {
  return entries < buckets ? 0 : 2 ** Math.ceil(Math.log2((high - low) / buckets));
}

/** How many entries and points are within the range. */
function count(made: Reduced, course: Course, [low, high]: Range): void {
  made.drawn = 0;
  made.points = 0;
  for (let at = 0; at < made.x.length; at++) {
    const x = made.x[at] as number;
    if (x >= low && x <= high && made.value[at] !== null) made.drawn += 1;
  }
  const { x, count } = course;
  for (let at = lowerBound(x, x.length, low); at < x.length && (x[at] as number) <= high; at++) {
    made.points += count[at] as number;
  }
}

/** A course that is reduced time and again while it grows: what is known of it stays, and its end is made anew. */
export class Reduction {
  /** What was made last. */
  made: Reduced = empty(false);
  /** From this x on it is not what it was the time before: `-Infinity` when all of it may be, `Infinity`: nothing is. */
  changed = Number.NEGATIVE_INFINITY;
  private about = "";
  private width = 0;
  /** First and last of the course's entries in it. */
  private first = 0;
  private last = -1;
  /** Points that the last one stands for. */
  private lastCount = 0;

  /** @param about The same as long as the course only grows at its end, and is drawn alike; null when that is unknown. */
  reduce(course: Course, about: string | null, range: Range, buckets: number): Reduced {
    const { x } = course;
    const isWhole = x.length > 0 && range[1] >= (x[x.length - 1] as number);
    const first = Math.max(0, lowerBound(x, x.length, range[0]) - 1);
    const width = bucketWidth(x.length - 1 - first, range, buckets);
    // Entries before the range are kept until they are as many as those within.
    const isNear = first >= this.first && first - this.first <= x.length - first;
    if (!isWhole || about === null || about !== this.about || width !== this.width || !isNear || this.last < 0) {
      this.restart(course, first, width);
      this.about = (isWhole && about) || "";
    }
    if (isWhole) this.grow(course, x.length - 1);
    else this.made = reduce(course, range, buckets);
    count(this.made, course, range);
    return this.made;
  }

  private restart(course: Course, first: number, width: number): void {
    this.made = empty(course.smooth !== undefined);
    this.changed = Number.NEGATIVE_INFINITY;
    [this.width, this.first, this.last] = [width, first, -1];
  }

  /** The last entry stands by itself, with the value logged last: it is made again, and so is the bucket before it. */
  private grow(course: Course, last: number): void {
    const { made, width } = this;
    const lastCount = course.count[last] as number;
    if (last === this.last && lastCount === this.lastCount) {
      this.changed = Number.POSITIVE_INFINITY;
      return;
    }
    const from = this.last < 0 ? this.first : this.backTo(course);
    if (this.last >= 0) this.changed = course.x[from] as number;
    while (made.x.length > 0 && (made.x[made.x.length - 1] as number) >= (course.x[from] as number)) drop(made);
    if (width > 0) gather(made, course, from, last, width);
    else take(made, course, from, last);
    [this.last, this.lastCount] = [last, lastCount];
  }

  /** First entry of the course in the bucket that its last known one belongs to. */
  private backTo({ x }: Course): number {
    if (this.width === 0) return this.last;
    const start = Math.floor((x[this.last] as number) / this.width) * this.width;
    return Math.max(this.first, lowerBound(x, x.length, start));
  }
}

function drop(made: Reduced): void {
  for (const cells of [made.x, made.value, made.max, made.min]) cells.pop();
  made.smooth?.pop();
}

function empty(smooth: boolean): Reduced {
  return { x: [], value: [], max: [], min: [], smooth: smooth ? [] : null, drawn: 0, points: 0 };
}

/** Every entry as it is, with a gap where there was no number. */
function take(made: Reduced, course: Course, first: number, last: number): void {
  const odd = (course.odd ?? []).toSorted((left, right) => left - right);
  let next = 0;
  for (let at = first; at <= last; at++) {
    const x = course.x[at] as number;
    for (; next < odd.length && (odd[next] as number) <= x; next++) {
      if (odd[next] !== x && (odd[next] as number) > (made.x.at(-1) ?? Number.POSITIVE_INFINITY))
        gap(made, odd[next] as number);
    }
    made.x.push(x);
    made.value.push(valueAt(course, at));
    made.max.push(course.max[at]);
    made.min.push(course.min[at]);
    made.smooth?.push(course.smooth?.[at]);
  }
}

function gap(made: Reduced, x: number): void {
  made.x.push(x);
  for (const cells of [made.value, made.max, made.min]) cells.push(null);
  made.smooth?.push(undefined);
}

/** One entry for all that fall into the same bucket; the last one stays by itself. */
function gather(made: Reduced, course: Course, first: number, last: number, width: number): void {
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

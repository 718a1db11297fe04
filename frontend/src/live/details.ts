import type { Columns, Series } from "./series";
import { lowerBound } from "./series";
import type { Axis } from "./store";

export type Range = readonly [number, number];

/** Read a stretch of a metric in about so many buckets. */
export type ReadStretch = (
  runId: string,
  key: string,
  stretch: { axis: Axis; from: number; to: number },
  points: number,
) => Promise<Series>;

interface Known {
  /** What was read last. */
  series: Series | null;
  range: Range | null;
  /** What is being read. */
  reading: Range | null;
  /** What was asked for meanwhile. */
  wanted: Wanted | null;
  /** Points of the whole course when it was read. */
  grown: number;
  /** The course was read again since. */
  old: boolean;
}

interface Wanted {
  range: Range;
  points: number;
  grown: number;
}

/** Read so much more on either side, in parts of the stretch, that a small move needs no reading. */
const MARGIN = 0.5;
/** A stretch is read again when it is shown at less than this part of what was read. */
const COARSE = 0.4;
const MOST_KNOWN = 240;
/** After so many more points a stretch that holds the newest ones is read again: fewer stay as they came. */
const MOST_GROWN = 1000;

/** Stretches that somebody zoomed into, read from the server at the grain of the screen. */
export class Details {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly read: ReadStretch,
    /** A stretch came. */
    private readonly onRead: (runId: string, key: string) => void,
  ) {}

  /**
   * The finer points around a stretch as far as they were read; asks for them when they were not. `course` is where the
   * whole course ends, and how many points it has.
   */
  find(
    runId: string,
    key: string,
    axis: Axis,
    range: Range,
    points: number,
    course: { end: number; points: number } = { end: Number.POSITIVE_INFINITY, points: 0 },
  ): Series | null {
    const id = idOf(runId, key, axis);
    const known = this.known.get(id) ?? nothingKnown();
    // Those used last stay.
    this.known.delete(id);
    this.known.set(id, known);
    if (this.known.size > MOST_KNOWN) this.known.delete(this.known.keys().next().value as string);
    if ((!covers(known.range, range) || isOutgrown(known, course)) && !covers(known.reading, range)) {
      known.wanted = { range, points, grown: course.points };
      if (known.reading === null) void this.load(runId, key, axis, known);
    }
    return overlaps(known.range, range) ? known.series : null;
  }

  /** What was read of a metric may not be true any more; it stays until it is read again. */
  outdate(runId: string, key: string, axis: Axis): void {
    const known = this.known.get(idOf(runId, key, axis));
    if (known !== undefined) known.old = true;
  }

  private async load(runId: string, key: string, axis: Axis, known: Known): Promise<void> {
    while (known.wanted !== null) {
      const { range, points, grown } = known.wanted;
      known.wanted = null;
      known.old = false;
      const [from, to] = widened(range);
      known.reading = [from, to];
      known.series = await this.read(runId, key, { axis, from, to }, Math.ceil(points * (1 + 2 * MARGIN)));
      known.range = [from, to];
      known.grown = grown;
      known.reading = null;
      this.onRead(runId, key);
    }
  }
}

function idOf(runId: string, key: string, axis: Axis): string {
  return `${runId}\n${axis}\n${key}`;
}

function nothingKnown(): Known {
  return { series: null, range: null, reading: null, wanted: null, grown: 0, old: false };
}

/** Whether there is more in what was read by now than was then. */
function isOutgrown({ range, grown, old }: Known, { end, points }: { end: number; points: number }): boolean {
  return old || (range !== null && range[1] >= end && points - grown > MOST_GROWN);
}

function widened([low, high]: Range): Range {
  const margin = (high - low) * MARGIN;
  return [low - margin, high + margin];
}

/** Whether what was read holds a stretch, at a grain that still suits it. */
function covers(known: Range | null, [low, high]: Range): boolean {
  if (known === null || known[0] > low || known[1] < high) return false;
  return (high - low) / (known[1] - known[0]) >= COARSE;
}

function overlaps(known: Range | null, [low, high]: Range): boolean {
  return known !== null && known[0] <= high && known[1] >= low;
}

/** Whether any entry of a stretch stands for several points, so that there is more to read. */
export function isCoarse(columns: Columns, [low, high]: Range): boolean {
  const first = Math.max(0, lowerBound(columns.x, columns.x.length, low) - 1);
  const last = lowerBound(columns.x, columns.x.length, high);
  for (let at = first; at < Math.min(last, columns.x.length); at++) if ((columns.count[at] as number) > 1) return true;
  return false;
}

/** Whether the entry that holds an x stands for several points. */
export function isCoarseAt(series: Series | null, x: number): boolean {
  if (series === null || series.length === 0) return false;
  const { x: all, count } = series.view();
  const after = lowerBound(all, all.length, x);
  const at = all[after] === x ? after : after - 1;
  return at >= 0 && (count[at] as number) > 1;
}

/** A course with a stretch of it replaced by finer entries. */
export function spliced(course: Columns, finer: Columns): Columns {
  const [first, last] = [finer.x[0], finer.x[finer.x.length - 1]];
  if (first === undefined || last === undefined) return course;
  const before = lowerBound(course.x, course.x.length, first);
  let after = lowerBound(course.x, course.x.length, last);
  if (course.x[after] === last) after += 1;
  const join = (name: keyof Columns) => {
    const joined = new Float64Array(before + finer.x.length + course.x.length - after);
    joined.set(course[name].subarray(0, before));
    joined.set(finer[name], before);
    joined.set(course[name].subarray(after), before + finer.x.length);
    return joined;
  };
  return {
    x: join("x"),
    mean: join("mean"),
    min: join("min"),
    max: join("max"),
    last: join("last"),
    count: join("count"),
  };
}

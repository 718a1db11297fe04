/** The course of a metric along one axis: where its buckets begin, and how many points each holds. */
export interface Course {
  x: number[];
  count: number[];
  /** How many points there are in the stretch. */
  stored: number;
}

export type CourseAxis = "step" | "time";
export type ReadCourse = (
  axis: CourseAxis,
  stretch: { from?: number | undefined; to?: number | undefined },
  points: number,
) => Promise<Course>;

const POINTS = 1000;
const MOST_ROUNDS = 4;

/**
 * The step of the last point logged up to a time, or the time of the last one up to a step; with `beyond` that of the
 * point after it. Null when there is none. The points are the same in the same order on both axes: they are counted
 * on one and found by their number on the other.
 */
export async function counterpart(
  read: ReadCourse,
  axis: CourseAxis,
  at: number,
  beyond = false,
): Promise<number | null> {
  const other = axis === "time" ? "step" : "time";
  let number = (await read(axis, { to: at }, 1)).stored + Number(beyond);
  let stretch: { from?: number; to?: number } = {};
  for (let round = 0; number > 0; round++) {
    const { x, count } = await read(other, stretch, POINTS);
    const bucket = bucketOf(count, number);
    const from = bucket === null ? undefined : x[bucket.index];
    if (bucket === null || from === undefined) return null;
    if (bucket.size <= 1 || round === MOST_ROUNDS) return from;
    number -= bucket.before;
    const to = x[bucket.index + 1];
    stretch = to === undefined ? { from } : { from, to };
  }
  return null;
}

/** The bucket that holds a point by its number from 1, and how many points are before it; null past the end. */
function bucketOf(count: readonly number[], number: number): { index: number; before: number; size: number } | null {
  let before = 0;
  for (const [index, size] of count.entries()) {
    if (before + size >= number) return { index, before, size };
    before += size;
  }
  return null;
}

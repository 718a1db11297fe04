import type { Columns, Series } from "../live/series";
import { lowerBound } from "../live/series";

const NAMES = ["mean", "min", "max", "last", "count"] as const;

/** A course with its x counted from somewhere else: seconds since a run's start. */
export function shifted(course: Columns, by: number): Columns {
  return by === 0 ? course : { ...course, x: course.x.map((x) => x - by) };
}

/**
 * A course over another metric of the same run instead of over steps: each entry stands at the value that the metric
 * had at its step, ascending. Entries before the metric's first point are left out.
 */
export function over(course: Columns, metric: Series): Columns {
  const places: { x: number; at: number }[] = [];
  for (let at = 0; at < course.x.length; at++) {
    const x = metric.valueAt(course.x[at] as number);
    if (x !== null) places.push({ x, at });
  }
  places.sort((left, right) => left.x - right.x || left.at - right.at);
  const column = (name: (typeof NAMES)[number]) => Float64Array.from(places, ({ at }) => course[name][at] as number);
  return {
    x: Float64Array.from(places, ({ x }) => x),
    mean: column("mean"),
    min: column("min"),
    max: column("max"),
    last: column("last"),
    count: column("count"),
  };
}

/** The place in an ascending column that is nearest to a value; -1 when it is empty. */
export function nearest(x: ArrayLike<number>, wanted: number): number {
  const after = lowerBound(x, x.length, wanted);
  if (after === 0 || after === x.length) return after === x.length ? x.length - 1 : 0;
  return wanted - (x[after - 1] as number) <= (x[after] as number) - wanted ? after - 1 : after;
}

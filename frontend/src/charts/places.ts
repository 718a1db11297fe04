import type { Columns } from "../live/series";
import { lowerBound } from "../live/series";

/** Where the steps of a run stand on a chart's axis, and back. */
export interface Places {
  /** Null where the run has no such step (yet). */
  of(step: number): number | null;
  /** Null where the run has no points (any more). */
  stepAt(x: number): number | null;
}

export const BY_STEP: Places = { of: (step) => step, stepAt: (x) => x };
export const NOWHERE: Places = { of: () => null, stepAt: () => null };

/**
 * On an axis of time: the same points in the same order have a step in one course and a time in the other, so that
 * each is found by its number. `start` is where the axis begins.
 */
export function byTime(steps: Columns, times: Columns, start: number): Places {
  if (steps.x.length === 0 || times.x.length === 0) return NOWHERE;
  const [step, time] = [numbered(steps), numbered(times)];
  return {
    of: (at) => (isWithin(steps.x, at) ? time.place(step.number(at)) - start : null),
    stepAt: (x) => (isWithin(times.x, x + start) ? step.place(time.number(x + start)) : null),
  };
}

function isWithin(ascending: Float64Array, value: number): boolean {
  return value >= (ascending[0] as number) && value <= (ascending[ascending.length - 1] as number);
}

/** On an axis of another metric's values. */
export function byMetric({ x, mean }: Columns): Places {
  return {
    of(step) {
      const at = lastUpTo(x, step);
      return at < 0 ? null : (mean[at] as number);
    },
    stepAt(value) {
      let best = -1;
      let distance = Number.POSITIVE_INFINITY;
      for (let at = 0; at < mean.length; at++) {
        const own = Math.abs((mean[at] as number) - value);
        if (own < distance) [best, distance] = [at, own];
      }
      return best < 0 ? null : (x[best] as number);
    },
  };
}

/** The points of a course by their number: which one stands at an x, and where a number stands. */
function numbered({ x, count }: Columns): { number(x: number): number; place(number: number): number } {
  const before = new Float64Array(x.length + 1);
  for (let at = 0; at < x.length; at++) before[at + 1] = (before[at] as number) + (count[at] as number);
  const end = (at: number) => (at + 1 < x.length ? (x[at + 1] as number) : (x[at] as number));
  return {
    number(wanted) {
      const at = Math.max(0, lastUpTo(x, wanted));
      const [low, high] = [x[at] as number, end(at)];
      const part = high > low ? Math.min(1, Math.max(0, (wanted - low) / (high - low))) : 0;
      return (before[at] as number) + (count[at] === 1 ? 0 : part * (count[at] as number));
    },
    place(number) {
      const at = Math.min(x.length - 1, Math.max(0, lastUpTo(before, number)));
      const part = (number - (before[at] as number)) / (count[at] as number);
      return (x[at] as number) + Math.min(1, Math.max(0, part)) * (end(at) - (x[at] as number));
    },
  };
}

/** The last place whose value is not above `wanted`; -1 when there is none. */
export function lastUpTo(ascending: ArrayLike<number>, wanted: number): number {
  const after = lowerBound(ascending, ascending.length, wanted);
  return after < ascending.length && ascending[after] === wanted ? after : after - 1;
}

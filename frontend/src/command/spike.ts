/** Where a metric jumped most. */
export interface Spike {
  step: number;
  value: number;
}

interface Course {
  /** Steps, ascending. */
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** Steps at which the value was NaN or infinite. */
  odd: readonly number[];
}

const NEIGHBOURS = 15;
/** A jump counts from this many times the usual distance between neighbours on. */
const UNUSUAL = 8;

/**
 * The worst value of a course: the first one that is not finite, else the one that stands farthest above its neighbours
 * on either side. Null when none stands out from how much neighbours differ anyway.
 */
export function spikeOf({ x, y, odd }: Course): Spike | null {
  const [first] = odd;
  if (first !== undefined) return { step: first, value: Number.NaN };
  const values = Array.from(y);
  const usual = median(values.slice(1).map((value, at) => Math.abs(value - (values[at] as number))));
  let worst: (Spike & { by: number }) | null = null;
  for (const [at, value] of values.entries()) {
    const by = value - around(values, at);
    if (by > UNUSUAL * usual && by > (worst?.by ?? 0)) worst = { step: x[at] as number, value, by };
  }
  return worst && { step: worst.step, value: worst.value };
}

/** Level of the neighbours of a value, the higher one of both sides: a course that falls has no spike at its beginning. */
function around(values: readonly number[], at: number): number {
  const before = values.slice(Math.max(0, at - NEIGHBOURS), at);
  const after = values.slice(at + 1, at + 1 + NEIGHBOURS);
  if (before.length === 0) return Number.POSITIVE_INFINITY;
  return after.length === 0 ? median(before) : Math.max(median(before), median(after));
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

import type { DrawnLine } from "./line";
import { lastUpTo } from "./places";
import type { Reduced } from "./reduce";

export interface Reading {
  name: string;
  colour: string;
  y: number;
  /** The smoothed value beside it; null when nothing is smoothed. */
  smooth: number | null;
  /** Least and largest value, where the entry stands for several points that differ. */
  span: readonly [number, number] | null;
}

/** Values at exactly one step, by run: finer than what is drawn. */
export type Exact = ReadonlyMap<string, number>;

/** Value of a line at an x: that of its own entry there or before; NaN where it is broken, null beyond its ends. */
export function readAt(line: Pick<Reduced, "x" | "value">, x: number): number | null {
  const at = lastUpTo(line.x, x);
  if (at < 0 || (at === line.x.length - 1 && (line.x[at] as number) < x)) return null;
  return line.value[at] ?? Number.NaN;
}

/** What the lines say at an x, the largest first; what is not finite comes last. */
export function readings(
  lines: readonly DrawnLine[],
  drawn: readonly Reduced[],
  x: number,
  exact: Exact | null = null,
): Reading[] {
  const found = lines.flatMap((line, index) => {
    const own = drawn[index];
    if (own === undefined || line.ghost) return [];
    const known = exact?.get(line.runId);
    const y = known ?? readAt(own, x);
    if (y === null) return [];
    const at = lastUpTo(own.x, x);
    const smooth = own.smooth === null ? null : (own.smooth[at] ?? null);
    const span = known === undefined ? spanAt(own, at) : null;
    return [{ name: line.name, colour: line.paint, y, smooth, span }];
  });
  const rank = ({ y }: Reading) => (Number.isFinite(y) ? y : Number.NEGATIVE_INFINITY);
  return found.sort((left, right) => rank(right) - rank(left) || 0);
}

function spanAt({ min, max }: Reduced, at: number): [number, number] | null {
  const [low, high] = [min[at], max[at]];
  return typeof low === "number" && typeof high === "number" && low < high ? [low, high] : null;
}

import type { Reduced } from "./reduce";

/** A line's entries as a test wants them: each stands for one point, unless `more` says otherwise. */
export function reduced(x: number[], value: Reduced["value"], more: Partial<Reduced> = {}): Reduced {
  return { x, value, min: value, max: value, smooth: null, drawn: x.length, points: x.length, ...more };
}

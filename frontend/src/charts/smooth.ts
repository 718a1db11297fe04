import type { Columns } from "../live/series";

/**
 * The exponential moving average of a course, freed of its bias towards 0 at the beginning (Kingma and Ba 2015, section
 * 3; what TensorBoard draws): `s ← w·s + (1 − w)·y`, shown as `s / (1 − w^n)`. An entry that stands for several points
 * weighs as if its mean had been logged so many times.
 *
 * @param weight Of what was before, 0 to below 1.
 */
export function smoothed({ mean, count }: Pick<Columns, "mean" | "count">, weight: number): Float64Array {
  const result = new Float64Array(mean.length);
  let sum = 0;
  let left = 1;
  for (let at = 0; at < mean.length; at++) {
    const kept = count[at] === 1 ? weight : weight ** (count[at] as number);
    sum = kept * sum + (1 - kept) * (mean[at] as number);
    left *= kept;
    result[at] = sum / (1 - left);
  }
  return result;
}

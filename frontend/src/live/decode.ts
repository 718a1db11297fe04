import type { MetricUpdate, Value } from "../services/types";

/** Points of one metric as they were logged: columns of equal length. Times in microseconds since 1970 UTC. */
export interface Burst {
  step: number[];
  time: number[];
  value: number[];
}

/** A value of the wire as a number; its strings become NaN and ±Infinity. */
export function decodeValue(value: Value): number {
  return typeof value === "number" ? value : Number(value);
}

/** All points of a `metric_update`, whether it came as a single step or as `series`. */
export function decodePoints(update: MetricUpdate): Map<string, Burst> {
  if (update.series) {
    return new Map(Object.entries(update.series).map(([name, points]) => [name, burst(points)]));
  }
  const { step } = update;
  if (step === null) return new Map();
  const single = (value: Value): Burst => ({ step: [step], time: [update.time ?? 0], value: [decodeValue(value)] });
  return new Map(Object.entries(update.metrics).map(([name, value]) => [name, single(value)]));
}

function burst(points: { step: number[]; time: number[]; value: Value[] }): Burst {
  return { step: points.step, time: points.time, value: points.value.map(decodeValue) };
}

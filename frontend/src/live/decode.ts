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

/** Whether a metric is the SDK's own sampling of the process, whose step is the second it was taken. */
export function isSampled(name: string): boolean {
  return name.startsWith("system/");
}

/** All points of a `metric_update`, whether it came as a single step or as `series`. */
export function decodePoints(update: MetricUpdate): Map<string, Burst> {
  if (update.series) {
    return new Map(Object.entries(update.series).map(([name, points]) => [name, burst(points)]));
  }
  const { step } = update;
  if (step === null) return new Map();
  const single = (value: Value): Burst => ({ step: [step], time: [update.time ?? 0], value: [decodeValue(value)] });
  return new Map(Object.entries(ofOneKind(update)).map(([name, value]) => [name, single(value)]));
}

/** Where the training stands after an update; null when it tells only of sampled metrics. */
export function progressOf(update: MetricUpdate): { step: number; time: number | null } | null {
  let found: { step: number; time: number | null } | null = null;
  for (const [name, points] of decodePoints(update)) {
    const step = points.step.at(-1);
    if (!isSampled(name) && step !== undefined) found = { step, time: points.time.at(-1) || null };
  }
  return found;
}

/** Without `series` there is one step for all metrics; logged and sampled ones have none in common. */
function ofOneKind(update: MetricUpdate): Record<string, Value> {
  const names = Object.keys(update.metrics);
  const sampled = names.filter(isSampled).length;
  return sampled > 0 && sampled < names.length ? {} : update.metrics;
}

function burst(points: { step: number[]; time: number[]; value: Value[] }): Burst {
  return { step: points.step, time: points.time, value: points.value.map(decodeValue) };
}

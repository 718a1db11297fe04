import type { Chart, MetricUpdate, Run } from "../services/types";
import { onBeat } from "./beat";
import { decodePoints, decodeValue } from "./decode";
import { Series } from "./series";

/** The newest value of a metric. Time in microseconds since 1970 UTC; NaN and ±Infinity are possible. */
export interface Latest {
  value: number | null;
  step: number | null;
  time: number | null;
  /** The value before it. */
  previous: number | null;
}

export const NO_VALUE: Latest = { value: null, step: null, time: null, previous: null };

interface RunLatest {
  metrics: Map<string, Latest>;
  trends: Map<string, Series>;
  names: readonly string[];
  /** When its newest point was logged. */
  time: number | null;
  version: number;
  readonly listeners: Set<() => void>;
}

/** After all else that changes at the beat, so that what it leads to is drawn in one go. */
function atBeat(callback: () => void): void {
  onBeat(() => queueMicrotask(callback));
}

/** Newest values of all runs, whoever told of them, and their coarse course for sparklines. */
export class LatestValues {
  private readonly runs = new Map<string, RunLatest>();
  private held = false;
  /** Runs of which there is something to tell. */
  private readonly news = new Set<RunLatest>();

  constructor(private readonly later: (callback: () => void) => void = atBeat) {}

  /** Tell nobody of changes until let go; then all who listen look again. */
  hold(held: boolean): void {
    this.held = held;
    for (const run of this.runs.values()) this.news.add(run);
    this.tell();
  }

  value(runId: string, key: string): Latest {
    return this.runs.get(runId)?.metrics.get(key) ?? NO_VALUE;
  }

  /** Names of a run's metrics in order; the same array until one is added. */
  names(runId: string): readonly string[] {
    return this.runs.get(runId)?.names ?? NO_NAMES;
  }

  /** When a run's newest point was logged, in microseconds since 1970 UTC. */
  time(runId: string): number | null {
    return this.runs.get(runId)?.time ?? null;
  }

  trend(runId: string, key: string): Series | null {
    return this.runs.get(runId)?.trends.get(key) ?? null;
  }

  /** Grows with each change of a run. */
  version(runId: string): number {
    return this.runs.get(runId)?.version ?? 0;
  }

  /** Be told of changes at the page's next beat, until the result is called. */
  subscribe(runId: string, listener: () => void): () => void {
    const run = this.run(runId);
    run.listeners.add(listener);
    return () => run.listeners.delete(listener);
  }

  /** Take what a run's summary tells, unless newer values are known. */
  seed(run: Run): void {
    const known = this.run(run.id);
    for (const [name, summary] of Object.entries(run.summary)) {
      const time = Date.parse(summary.last_time) * 1000;
      const value = decodeValue(summary.last);
      if ((known.metrics.get(name)?.time ?? Number.NEGATIVE_INFINITY) < time)
        set(known, name, value, summary.last_step, time);
    }
    this.changed(known);
  }

  /** Take the newest values of an update, from the run list's stream or from the run's own. */
  apply(update: MetricUpdate): void {
    const known = this.run(update.run_id);
    for (const [name, points] of decodePoints(update)) {
      const at = points.step.length - 1;
      const time = points.time[at] as number;
      const newer = time > (known.metrics.get(name)?.time ?? Number.NEGATIVE_INFINITY);
      if (!newer) continue;
      const [step, value] = [points.step[at] as number, points.value[at] as number];
      set(known, name, value, step, time);
      known.trends.get(name)?.add(step, value);
    }
    this.changed(known);
  }

  /** Take the course of a metric so far; later values follow it. */
  setTrend(runId: string, key: string, chart: Chart): void {
    const known = this.run(runId);
    const line = chart.series.find((series) => series.run_id === runId && series.key === key);
    const trend = new Series(256, 64, 96);
    chart.x.forEach((x, index) => {
      const mean = line?.mean[index];
      if (typeof mean === "number") trend.add(x, mean);
    });
    known.trends.set(key, trend);
    this.changed(known);
  }

  forget(runId: string): void {
    this.runs.delete(runId);
  }

  private changed(run: RunLatest): void {
    run.version += 1;
    if (this.news.size === 0) this.later(() => this.tell());
    this.news.add(run);
  }

  private tell(): void {
    if (this.held) return;
    const runs = [...this.news];
    this.news.clear();
    for (const run of runs) for (const listener of run.listeners) listener();
  }

  private run(runId: string): RunLatest {
    const known = this.runs.get(runId);
    if (known) return known;
    const run: RunLatest = {
      metrics: new Map(),
      trends: new Map(),
      names: NO_NAMES,
      time: null,
      version: 0,
      listeners: new Set(),
    };
    this.runs.set(runId, run);
    return run;
  }
}

const NO_NAMES: readonly string[] = [];

function set(run: RunLatest, name: string, value: number, step: number, time: number): void {
  const previous = run.metrics.get(name)?.value ?? null;
  run.metrics.set(name, { value, step, time, previous });
  run.time = Math.max(run.time ?? 0, time);
  if (run.names.length !== run.metrics.size) run.names = [...run.metrics.keys()].sort();
}

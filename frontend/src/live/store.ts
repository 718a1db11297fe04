import type { Chart, ChartSeries, MetricUpdate } from "../services/types";
import { type Burst, decodePoints } from "./decode";
import { type Bucket, Series } from "./series";

const MAX_PENDING_POINTS = 100_000;

/** What the x of a series counts: steps, or seconds since 1970. */
export type Axis = "step" | "time";

/** Points of one metric from the commits `since < c <= cursor` of its run. */
interface Part {
  since: number;
  cursor: number;
  points: Burst;
}

/** A charted metric: its points, and what came while its history was still on the way. */
interface Held {
  readonly runId: string;
  readonly key: string;
  readonly axis: Axis;
  readonly series: Series;
  /** Commit up to which `series` is complete; null while a history is on the way. */
  cursor: number | null;
  /** A history came at least once, so there is something to show. */
  ready: boolean;
  /** A history was just taken: it may hold some of the points of the next message already. */
  atSeam: boolean;
  pending: Part[];
  pendingPoints: number;
  users: number;
  readonly listeners: Set<() => void>;
}

/** How far a run is known. */
interface Heard {
  /** Commit after which the server tells everything. */
  floor: number;
  /** Commit of the last update; null before the first one, which may follow any earlier commit. */
  cursor: number | null;
}

export interface StoreOptions {
  /** The history of this metric has to be read (again): answer with `merge`. */
  onMissing(runId: string, key: string, axis: Axis): void;
  /** A metric of the run is charted for the first time, or none is any more. */
  onWatch(runId: string, watched: boolean): void;
}

/** Points of the metrics that are on screen, each exactly once, whether they came as history or as push. */
export class LiveStore {
  private readonly runs = new Map<string, Map<string, Held>>();
  private readonly heard = new Map<string, Heard>();

  constructor(private readonly options: StoreOptions) {}

  /** Keep a metric at hand and be told when it changes; call the result when it is no longer needed. */
  hold(runId: string, key: string, listener: () => void, axis: Axis = "step"): () => void {
    const held = this.find(runId, key, axis) ?? this.add(runId, key, axis);
    held.users += 1;
    held.listeners.add(listener);
    return () => {
      held.listeners.delete(listener);
      held.users -= 1;
      if (held.users === 0) this.remove(held);
    };
  }

  /** The points of a metric that is held; null until its history came. */
  series(runId: string, key: string, axis: Axis = "step"): Series | null {
    const held = this.find(runId, key, axis);
    return held?.ready ? held.series : null;
  }

  /** Last commit seen of a run, for `since` when the socket opens again. */
  cursorOf(runId: string): number | undefined {
    const heard = this.heard.get(runId);
    return heard && (heard.cursor ?? heard.floor);
  }

  /** The server tells everything after `cursor` from here on; what ends before that is read again. */
  subscribed(runId: string, cursor: number): void {
    if (!this.runs.has(runId)) return;
    this.heard.set(runId, { floor: cursor, cursor: null });
    for (const held of this.heldOf(runId)) {
      if (held.cursor !== null && held.cursor < cursor) this.reread(held);
    }
  }

  /** Updates of a run were left out: read its metrics again. */
  resync(runId: string): void {
    for (const held of this.heldOf(runId)) {
      held.pending = [];
      this.reread(held);
    }
  }

  /**
   * Take the points of an update; those known already are left out, and a gap leads to reading again.
   * Returns whether any of them is on screen now.
   */
  apply(update: MetricUpdate): boolean {
    const { run_id: runId, cursor, since } = update;
    if (typeof cursor !== "number" || typeof since !== "number" || !this.runs.has(runId)) return false;
    const heard = this.heard.get(runId) ?? { floor: 0, cursor: null };
    if (heard.cursor !== null && since > heard.cursor) this.resync(runId);
    this.heard.set(runId, { ...heard, cursor: Math.max(cursor, heard.cursor ?? 0) });
    let shown = false;
    for (const [key, points] of decodePoints(update)) {
      for (const held of this.heldAs(runId, key)) {
        if (!this.take(held, { since, cursor, points: onAxis(points, held.axis) })) continue;
        shown = true;
        notify(held);
      }
    }
    return shown;
  }

  /**
   * Take a history that was read, up to the commit it names. Points that came meanwhile follow it. `tail`, read
   * after it, has the same from its first x on at a finer grain.
   */
  merge(runId: string, key: string, chart: Chart, tail?: Chart, axis: Axis = "step"): void {
    const held = this.find(runId, key, axis);
    if (held === null) return;
    replace(held, chart);
    if (tail !== undefined && tail.x.length > 0) replace(held, tail, tail.x[0]);
    held.cursor = (tail ?? chart).cursors[runId] ?? 0;
    held.ready = true;
    held.atSeam = true;
    const overflown = held.pendingPoints > MAX_PENDING_POINTS;
    const { pending } = held;
    this.setPending(held, []);
    for (const part of pending) this.take(held, part);
    if (overflown || held.cursor < (this.heard.get(runId)?.floor ?? 0)) this.reread(held);
    notify(held);
  }

  /** There is more to show of a metric than the store knows: have it drawn again. */
  tell(runId: string, key: string): void {
    for (const held of this.heldAs(runId, key)) notify(held);
  }

  private take(held: Held, part: Part): boolean {
    if (held.cursor === null) {
      held.pendingPoints += part.points.step.length;
      if (held.pendingPoints <= MAX_PENDING_POINTS) held.pending.push(part);
      return false;
    }
    if (part.cursor <= held.cursor) return false;
    const overlaps = part.since < held.cursor;
    const newer = overlaps || held.atSeam ? newerThan(part.points, held.series.lastStep) : part.points;
    if (newer === null && overlaps) {
      this.reread(held);
      return false;
    }
    const points = newer ?? part.points;
    held.series.append(points);
    held.cursor = part.cursor;
    held.atSeam = false;
    return points.step.length > 0;
  }

  /** The old points stay on show until the new history is there. */
  private reread(held: Held): void {
    held.cursor = null;
    this.setPending(held, held.pending);
    this.options.onMissing(held.runId, held.key, held.axis);
  }

  private setPending(held: Held, pending: Part[]): void {
    held.pending = pending;
    held.pendingPoints = pending.reduce((sum, part) => sum + part.points.step.length, 0);
  }

  private find(runId: string, key: string, axis: Axis): Held | null {
    return this.runs.get(runId)?.get(slotOf(key, axis)) ?? null;
  }

  private heldAs(runId: string, key: string): Held[] {
    return AXES.flatMap((axis) => this.find(runId, key, axis) ?? []);
  }

  private heldOf(runId: string): Held[] {
    return [...(this.runs.get(runId)?.values() ?? [])];
  }

  private add(runId: string, key: string, axis: Axis): Held {
    const held = newHeld(runId, key, axis);
    const slot = slotOf(key, axis);
    const run = this.runs.get(runId);
    if (run) run.set(slot, held);
    else {
      this.runs.set(runId, new Map([[slot, held]]));
      this.options.onWatch(runId, true);
    }
    this.options.onMissing(runId, key, axis);
    return held;
  }

  private remove(held: Held): void {
    const run = this.runs.get(held.runId);
    run?.delete(slotOf(held.key, held.axis));
    if (run?.size !== 0) return;
    this.runs.delete(held.runId);
    this.heard.delete(held.runId);
    this.options.onWatch(held.runId, false);
  }
}

function replace(held: Held, chart: Chart, from?: number): void {
  const line = chart.series.find((series) => series.run_id === held.runId && series.key === held.key);
  const x = held.axis === "step" ? chart.x : chart.x.map(secondsOf);
  const start = from === undefined || held.axis === "step" ? from : secondsOf(from);
  if (line) held.series.replace(bucketsOf(x, line), nonfiniteOf(x, line), start);
  else if (start === undefined) held.series.replace([], []);
}

/** The line of a metric in a chart, by itself. */
export function seriesOf(chart: Chart, runId: string, key: string, axis: Axis): Series {
  const held = newHeld(runId, key, axis);
  replace(held, chart);
  return held.series;
}

function newHeld(runId: string, key: string, axis: Axis): Held {
  const listeners = new Set<() => void>();
  return {
    runId,
    key,
    axis,
    series: new Series(),
    cursor: null,
    ready: false,
    atSeam: false,
    pending: [],
    pendingPoints: 0,
    users: 0,
    listeners,
  };
}

const AXES: readonly Axis[] = ["step", "time"];

/** No metric's name holds a NUL. */
function slotOf(key: string, axis: Axis): string {
  return axis === "step" ? key : `${key}\0${axis}`;
}

/** Points whose x, called step everywhere here, is that of an axis. */
function onAxis(points: Burst, axis: Axis): Burst {
  return axis === "step" ? points : { ...points, step: points.time.map(secondsOf) };
}

/** Seconds since 1970 of the wire's microseconds. */
export function secondsOf(micros: number): number {
  return micros / 1e6;
}

function notify(held: Held): void {
  for (const listener of held.listeners) listener();
}

/**
 * The points of a burst that a history up to `step` lacks; null when steps go back, so that they can't tell.
 * A message may begin before the commit at which the history was read and end after it.
 */
function newerThan(points: Burst, step: number | null): Burst | null {
  if (points.step.some((each, index) => index > 0 && each <= (points.step[index - 1] as number))) return null;
  const first = step === null ? 0 : points.step.findIndex((each) => each > step);
  if (first === -1) return { step: [], time: [], value: [] };
  return { step: points.step.slice(first), time: points.time.slice(first), value: points.value.slice(first) };
}

function* bucketsOf(x: number[], line: ChartSeries): Generator<Bucket> {
  for (let index = 0; index < x.length; index++) {
    const [mean, min, max] = [line.mean[index], line.min[index], line.max[index]];
    if (typeof mean !== "number" || typeof min !== "number" || typeof max !== "number") continue;
    yield { x: x[index] as number, mean, min, max, last: line.last[index] ?? mean, count: line.count[index] || 1 };
  }
}

function nonfiniteOf(x: number[], line: ChartSeries): number[] {
  return x.filter((_, index) => (line.nonfinite?.[index] ?? 0) > 0);
}

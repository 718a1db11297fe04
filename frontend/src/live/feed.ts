import { ApiError, answerOf, type Client } from "../services/api";
import type { Chart, MetricUpdate, Run, ServerMessage } from "../services/types";
import { LiveSocket, type SocketStatus, socketAddress } from "../services/websocket";
import { Details } from "./details";
import { Lag } from "./lag";
import { LatestValues } from "./latest";
import { Scheduler } from "./scheduler";
import type { Series } from "./series";
import { type Axis, LiveStore, seriesOf } from "./store";

export const ALL_RUNS = "*";
const HISTORY_POINTS = 1000;
/** Twice the widest window, so that points which come while reading still fit. */
const TAIL_POINTS = 2000;
const TREND_POINTS = 60;
const RETRY_MS = 3_000;
const NO_CHART: Chart = { x: [], series: [], exact: true, stored: 0, cursors: {} };

interface ChartQuery {
  runs: string;
  key: string[];
  points: number;
  from?: number;
  to?: number;
  x?: "time";
  superseded?: boolean;
}

type Listener = (message: ServerMessage) => void;

/** One socket and what hangs on it: points, newest values, lag. Other messages go to whoever listens. */
export class Feed {
  readonly store: LiveStore;
  readonly latest = new LatestValues();
  readonly lag = new Lag();
  /** Stretches that somebody zoomed into. */
  readonly details: Details;
  readonly scheduler = new Scheduler();
  readonly socket: LiveSocket;
  status: SocketStatus = { state: "reconnecting", retryAt: null };
  /** Why points could not be read, when the server refuses them. */
  refused: ApiError | null = null;
  /** Times that the server had to leave updates out for this page, which were then read again. */
  dropped = 0;
  /** The view stands still by request; what comes is kept. */
  paused = false;
  private readonly pauseListeners = new Set<() => void>();
  private readonly listeners = new Set<Listener>();
  private readonly statusListeners = new Set<() => void>();
  private readonly reopenListeners = new Set<() => void>();
  private readonly loading = new Map<string, { again: boolean }>();
  private readonly missed = new Set<string>();
  private readonly logUsers = new Map<string, number>();
  private readonly trends = new Set<string>();
  private readonly trendsWanted: { runId: string; key: string }[] = [];
  private loadingTrends = false;

  constructor(
    private readonly client: Client,
    base: string,
    private readonly now: () => number = Date.now,
  ) {
    this.socket = new LiveSocket({
      url: socketAddress(base),
      onMessage: (message) => this.receive(message),
      onStatus: (status) => this.setStatus(status),
      onReopen: () => call(this.reopenListeners),
      cursorOf: (runId) => this.store.cursorOf(runId),
    });
    this.store = new LiveStore({
      onMissing: (runId, key, axis) => this.load(runId, key, axis),
      onWatch: (runId, watched) => (watched ? this.socket.subscribe(runId) : this.socket.unsubscribe(runId)),
    });
    this.details = new Details(
      (runId, key, stretch, points) => this.readStretch(runId, key, stretch, points),
      (runId, key) => this.store.tell(runId, key),
    );
  }

  start(): void {
    this.socket.subscribe(ALL_RUNS);
    this.socket.start();
    document.addEventListener("visibilitychange", this.shown);
    window.addEventListener("online", this.shown);
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.shown);
    window.removeEventListener("online", this.shown);
    this.socket.stop();
  }

  onMessage(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onStatus(listener: () => void): () => void {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }

  /** The socket was lost and is open again: what REST told may be old. */
  onReopen(listener: () => void): () => void {
    this.reopenListeners.add(listener);
    return () => this.reopenListeners.delete(listener);
  }

  onPause(listener: () => void): () => void {
    this.pauseListeners.add(listener);
    return () => this.pauseListeners.delete(listener);
  }

  /** Hold the view still, or let it follow again. */
  pause(paused: boolean): void {
    this.paused = paused;
    this.scheduler.hold(paused);
    this.latest.hold(paused);
    if (!paused) this.lag.skip();
    call(this.pauseListeners);
  }

  seed(runs: readonly Run[]): void {
    for (const run of runs) this.latest.seed(run);
  }

  forget(runId: string): void {
    this.latest.forget(runId);
  }

  /** A stretch of a metric at the grain of `points`; what a resumed run left behind when `superseded`. */
  async readStretch(
    runId: string,
    key: string,
    { axis, from, to, superseded }: { axis: Axis; from?: number; to?: number; superseded?: boolean },
    points: number,
  ): Promise<Series> {
    const scale = axis === "time" ? 1e6 : 1;
    const chart = await this.readChart({
      runs: runId,
      key: [key],
      points,
      ...(axis === "time" ? { x: axis } : {}),
      ...(from === undefined ? {} : { from: from * scale }),
      ...(to === undefined ? {} : { to: to * scale }),
      ...(superseded ? { superseded } : {}),
    });
    return seriesOf(chart, runId, key, axis);
  }

  /** What runs logged of a metric at exactly one step, its mean where that was several times. */
  async readStep(runIds: readonly string[], key: string, step: number): Promise<Map<string, number>> {
    const chart = await this.readChart({ runs: runIds.join(","), key: [key], points: 1, from: step, to: step });
    const found = new Map<string, number>();
    for (const line of chart.series) {
      const value = line.mean[0];
      if (typeof value === "number" && line.key === key) found.set(line.run_id, value);
    }
    return found;
  }

  /** Have the lines that a run prints told, as `log` and `resync` messages, until the result is called. */
  watchLogs(runId: string): () => void {
    const users = (count: number) => (this.logUsers.get(runId) ?? 0) + count;
    this.logUsers.set(runId, users(1));
    this.socket.watchLogs(runId, true);
    return () => {
      this.logUsers.set(runId, users(-1));
      if (this.logUsers.get(runId) === 0) this.socket.watchLogs(runId, false);
    };
  }

  /** Have the course of a metric read for a sparkline. */
  wantTrend(runId: string, key: string): void {
    const id = idOf(runId, key);
    if (this.trends.has(id)) return;
    this.trends.add(id);
    this.trendsWanted.push({ runId, key });
    if (this.loadingTrends) return;
    this.loadingTrends = true;
    void this.loadTrends();
  }

  private readonly shown = (): void => {
    if (document.hidden) return;
    this.lag.skip();
    this.socket.retryNow();
    this.scheduler.wake();
  };

  private receive(message: ServerMessage): void {
    if (message.type === "metric_update") this.takePoints(message);
    else if (message.type === "subscribed") this.isSubscribed(message.run_id, message.cursor);
    else if (message.type === "resync" && message.from_line == null) this.resync(message.run_id);
    for (const listener of this.listeners) listener(message);
  }

  private takePoints(update: MetricUpdate): void {
    this.latest.apply(update);
    if (!this.store.apply(update)) return;
    const { points, times } = tally(update);
    this.lag.arrived(update.run_id, points, times, this.now());
  }

  /** Subscribed again after a break: what was missed meanwhile is told by a `resync`, and nobody's fault. */
  private isSubscribed(runId: string, cursor: number): void {
    const known = this.store.cursorOf(runId);
    if (known !== undefined && known < cursor) this.missed.add(runId);
    this.store.subscribed(runId, cursor);
  }

  private resync(runId: string): void {
    if (!this.missed.delete(runId)) this.dropped += 1;
    if (runId === ALL_RUNS) call(this.reopenListeners);
    else this.store.resync(runId);
  }

  private setStatus(status: SocketStatus): void {
    this.status = status;
    call(this.statusListeners);
  }

  /** Read a history; asked again while it is on the way, what is on the way is too old and read once more. */
  private load(runId: string, key: string, axis: Axis): void {
    const id = `${idOf(runId, key)}\n${axis}`;
    if (this.loading.has(id)) {
      this.loading.set(id, { again: true });
      return;
    }
    this.loading.set(id, { again: false });
    void this.readHistory(id, runId, key, axis);
  }

  /** The whole course at the grain of a screen; where that is not every point, the newest ones one by one too. */
  private async readHistory(id: string, runId: string, key: string, axis: Axis): Promise<void> {
    const query = { runs: runId, key: [key], points: HISTORY_POINTS, ...(axis === "time" ? { x: axis } : {}) };
    const chart = await this.readChart(query);
    const from = chart.exact ? undefined : startOfLast(chart, TAIL_POINTS / 2);
    const tail = from === undefined ? undefined : await this.readChart({ ...query, points: TAIL_POINTS, from });
    const again = this.loading.get(id)?.again ?? false;
    this.loading.delete(id);
    if (again) {
      this.load(runId, key, axis);
      return;
    }
    this.details.outdate(runId, key, axis);
    this.store.merge(runId, key, chart, tail, axis);
    const newest = this.latest.value(runId, key);
    if (axis === "step") this.store.series(runId, key)?.know(newest.step, newest.value);
  }

  /** One after the other: sparklines can wait, and each run's own x keeps short runs legible. */
  private async loadTrends(): Promise<void> {
    for (let next = this.trendsWanted.shift(); next !== undefined; next = this.trendsWanted.shift()) {
      const { runId, key } = next;
      this.latest.setTrend(runId, key, await this.readChart({ runs: runId, key: [key], points: TREND_POINTS }));
    }
    this.loadingTrends = false;
  }

  /** Ask until there is an answer: a server that restarts is asked again. What is refused stays empty. */
  private async readChart(query: ChartQuery): Promise<Chart> {
    for (;;) {
      try {
        return await answerOf(this.client.GET("/api/series", { params: { query } }));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.refused = error.isRefusal ? error : null;
        call(this.statusListeners);
        if (error.isRefusal) return NO_CHART;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

/** First x of the newest `points` points of a chart of one line. */
function startOfLast(chart: Chart, points: number): number | undefined {
  const count = chart.series[0]?.count ?? [];
  let left = points;
  for (let at = count.length - 1; at >= 0; at--) {
    left -= count[at] ?? 0;
    if (left <= 0) return chart.x[at];
  }
  return chart.x[0];
}

function idOf(runId: string, key: string): string {
  return `${runId}\n${key}`;
}

function call(listeners: Iterable<() => void>): void {
  for (const listener of listeners) listener();
}

/** How many points an update holds, and when its oldest and newest were logged, in milliseconds. */
function tally(update: MetricUpdate): { points: number; times: number[] } {
  const columns = Object.values(update.series ?? {});
  if (columns.length === 0) return { points: Object.keys(update.metrics).length, times: [(update.time ?? 0) / 1000] };
  const points = columns.reduce((sum, column) => sum + column.time.length, 0);
  const ends = columns.flatMap((column) => [column.time[0] ?? 0, column.time.at(-1) ?? 0]);
  return { points, times: [Math.min(...ends) / 1000, Math.max(...ends) / 1000] };
}

import type { ServerMessage, ViewerMessage } from "./types";

export const PING_AFTER_MS = 15_000;
export const STALE_AFTER_MS = 20_000;
export const SILENT_AFTER_MS = 45_000;
const MAX_RETRY_MS = 30_000;
const OFFLINE_AFTER_ATTEMPTS = 4;
const TICK_MS = 1_000;

/** `stale`: open, but silent for longer than a heartbeat takes. `offline`: several attempts failed. */
export type SocketState = "live" | "reconnecting" | "stale" | "offline";

export interface SocketStatus {
  state: SocketState;
  /** Moment of the next attempt, in milliseconds of the clock; null while one is under way or the socket is open. */
  retryAt: number | null;
}

export interface SocketOptions {
  url: string;
  /** Called for each message but heartbeats. */
  onMessage(message: ServerMessage): void;
  onStatus(status: SocketStatus): void;
  /** The socket is open again after it was lost: what is not covered by `since` has to be read again. */
  onReopen(): void;
  /** Cursor of the last message seen of a run, for `since`. */
  cursorOf(runId: string): number | undefined;
  open?: (url: string) => WebSocket;
  now?: () => number;
  random?: () => number;
}

/** Wait before attempt `failures + 1`: 1, 2, 4, 8, 16, 30 s, and up to a quarter on top. */
export function retryDelay(failures: number, random: () => number): number {
  const base = Math.min(MAX_RETRY_MS, 1000 * 2 ** Math.min(failures, 5));
  return base * (1 + random() / 4);
}

/** Address of the socket below the page's folder. */
export function socketAddress(base: string): string {
  return `${base.replace(/^http/, "ws")}/ws`;
}

/** One socket that opens itself again and keeps its subscriptions. */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private readonly watched = new Set<string>();
  private readonly logged = new Set<string>();
  private readonly now: () => number;
  private timer: ReturnType<typeof setInterval> | null = null;
  private failures = 0;
  private opened = false;
  private heard = 0;
  private sent = 0;
  private status: SocketStatus = { state: "reconnecting", retryAt: null };

  constructor(private readonly options: SocketOptions) {
    this.now = options.now ?? Date.now;
  }

  start(): void {
    if (this.timer !== null) return;
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.connect();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.drop();
  }

  /** Try at once instead of at `retryAt`. */
  retryNow(): void {
    if (this.timer !== null && this.socket === null) this.connect();
  }

  subscribe(runId: string): void {
    if (this.watched.has(runId)) return;
    this.watched.add(runId);
    this.ask(runId);
  }

  unsubscribe(runId: string): void {
    if (this.watched.delete(runId) && !this.logged.has(runId)) this.send({ type: "unsubscribe", run_id: runId });
  }

  /** Have the lines that a run prints told too, or no longer; whether its points are watched stays. */
  watchLogs(runId: string, wanted: boolean): void {
    if (wanted === this.logged.has(runId)) return;
    if (wanted) this.logged.add(runId);
    else this.logged.delete(runId);
    // Nothing was missed meanwhile, so that there is no `since` to go on from.
    if (wanted || this.watched.has(runId)) this.send({ type: "subscribe", run_id: runId, logs: wanted });
    else this.send({ type: "unsubscribe", run_id: runId });
  }

  private ask(runId: string): void {
    const since = this.options.cursorOf(runId);
    this.send({
      type: "subscribe",
      run_id: runId,
      ...(since === undefined ? {} : { since }),
      ...(this.logged.has(runId) ? { logs: true } : {}),
    });
  }

  private send(message: ViewerMessage): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.sent = this.now();
    this.socket.send(JSON.stringify(message));
  }

  private connect(): void {
    this.report({ state: this.failures >= OFFLINE_AFTER_ATTEMPTS ? "offline" : "reconnecting", retryAt: null });
    const socket = (this.options.open ?? ((url) => new WebSocket(url)))(this.options.url);
    this.socket = socket;
    this.heard = this.now();
    socket.onopen = () => this.isOpen();
    socket.onmessage = (frame) => this.receive(frame.data);
    socket.onclose = () => this.lost(socket);
  }

  private isOpen(): void {
    this.heard = this.now();
    this.report({ state: "live", retryAt: null });
    for (const runId of new Set([...this.watched, ...this.logged])) this.ask(runId);
    if (this.opened) this.options.onReopen();
    this.opened = true;
  }

  private receive(data: unknown): void {
    this.heard = this.now();
    this.failures = 0;
    this.report({ state: "live", retryAt: null });
    const message = JSON.parse(String(data)) as ServerMessage;
    if (message.type === "ping") this.send({ type: "pong" });
    else if (message.type !== "pong") this.options.onMessage(message);
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.drop();
    const retryAt = this.now() + retryDelay(this.failures, this.options.random ?? Math.random);
    this.failures += 1;
    this.report({ state: this.failures >= OFFLINE_AFTER_ATTEMPTS ? "offline" : "reconnecting", retryAt });
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private tick(): void {
    const now = this.now();
    if (this.socket === null) {
      if (now >= (this.status.retryAt ?? 0)) this.connect();
      return;
    }
    const silence = now - this.heard;
    if (silence >= SILENT_AFTER_MS) this.lost(this.socket);
    else if (silence >= PING_AFTER_MS && now - this.sent >= PING_AFTER_MS) this.send({ type: "ping" });
    if (silence >= STALE_AFTER_MS && this.status.state === "live") this.report({ state: "stale", retryAt: null });
  }

  private report(status: SocketStatus): void {
    if (status.state === this.status.state && status.retryAt === this.status.retryAt) return;
    this.status = status;
    this.options.onStatus(status);
  }
}

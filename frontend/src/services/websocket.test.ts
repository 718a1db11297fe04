import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveSocket, retryDelay, type SocketStatus, socketAddress } from "./websocket";

/** Stands for the browser's socket: opens and closes when the test says so. */
class FakeSocket {
  readyState: number = WebSocket.CONNECTING;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((frame: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  opens(): void {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  breaks(): void {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.();
  }
}

let sockets: FakeSocket[];
let states: SocketStatus[];
let cursors: Map<string, number>;
const onMessage = vi.fn<(message: { type: string }) => void>();
const onReopen = vi.fn<() => void>();
let live: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  cursors = new Map();
  onMessage.mockReset();
  onReopen.mockReset();
  live = new LiveSocket({
    url: "ws://here/ws",
    onMessage,
    onReopen,
    onStatus: (status) => states.push(status),
    cursorOf: (runId) => cursors.get(runId),
    random: () => 0,
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  });
  live.start();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

const newest = () => sockets.at(-1) as FakeSocket;
const state = () => states.at(-1)?.state;

test("waits double from one second to thirty, and jitter only adds", () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 50].map((failures) => retryDelay(failures, () => 0) / 1000);
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  expect(retryDelay(0, () => 1)).toBe(1250);
});

test("the socket's address is below the page's folder", () => {
  expect(socketAddress("https://host/user/me/proxy/8000")).toBe("wss://host/user/me/proxy/8000/ws");
});

test("what is asked for before the socket opens is asked once it is open", () => {
  live.subscribe("*");
  live.subscribe("a");
  live.subscribe("a");
  expect(newest().sent).toEqual([]);
  newest().opens();
  expect(newest().sent).toEqual([
    { type: "subscribe", run_id: "*" },
    { type: "subscribe", run_id: "a" },
  ]);
});

test("after a break it opens again by itself, with all subscriptions and where they stood", () => {
  live.subscribe("*");
  live.subscribe("a");
  live.subscribe("b");
  newest().opens();
  live.unsubscribe("b");
  cursors.set("a", 17);
  newest().breaks();
  expect(state()).toBe("reconnecting");
  vi.advanceTimersByTime(1000);
  expect(sockets).toHaveLength(2);
  expect(onReopen).not.toHaveBeenCalled();
  newest().opens();
  expect(newest().sent).toEqual([
    { type: "subscribe", run_id: "*" },
    { type: "subscribe", run_id: "a", since: 17 },
  ]);
  expect(onReopen).toHaveBeenCalledTimes(1);
  expect(state()).toBe("live");
});

test("attempts that fail come later and later, are called offline, and go on", () => {
  const moments: number[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    newest().breaks();
    const before = sockets.length;
    const broke = Date.now();
    while (sockets.length === before) vi.advanceTimersByTime(1000);
    moments.push((Date.now() - broke) / 1000);
  }
  expect(moments).toEqual([1, 2, 4, 8, 16]);
  expect(state()).toBe("offline");
  newest().opens();
  newest().says({ type: "pong" });
  newest().breaks();
  expect(state()).toBe("reconnecting");
});

test("a server that accepts and closes at once is not asked every second", () => {
  newest().opens();
  newest().breaks();
  vi.advanceTimersByTime(1000);
  newest().opens();
  newest().breaks();
  vi.advanceTimersByTime(1000);
  expect(sockets).toHaveLength(2);
  vi.advanceTimersByTime(1000);
  expect(sockets).toHaveLength(3);
});

describe("silence", () => {
  test("of 15 s is answered with one ping, any frame begins it anew", () => {
    newest().opens();
    vi.advanceTimersByTime(14_000);
    newest().says({ type: "event" });
    vi.advanceTimersByTime(14_000);
    expect(newest().sent).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(newest().sent).toEqual([{ type: "ping" }]);
  });

  test("of 20 s is stale until something is heard, of 45 s ends the socket", () => {
    newest().opens();
    vi.advanceTimersByTime(20_000);
    expect(state()).toBe("stale");
    newest().says({ type: "pong" });
    expect(state()).toBe("live");
    vi.advanceTimersByTime(45_000);
    expect(newest().closed).toBe(true);
    expect(state()).toBe("reconnecting");
  });
});

test("a ping is answered, heartbeats are nobody's business, other messages are passed on", () => {
  newest().opens();
  newest().says({ type: "ping" });
  newest().says({ type: "pong" });
  newest().says({ type: "resync", run_id: "a" });
  expect(newest().sent).toEqual([{ type: "pong" }]);
  expect(onMessage.mock.calls.map(([message]) => message.type)).toEqual(["resync"]);
});

test("stopped, it neither speaks nor opens again", () => {
  newest().opens();
  live.stop();
  expect(newest().closed).toBe(true);
  vi.advanceTimersByTime(120_000);
  expect(sockets).toHaveLength(1);
});

test("a run's lines are asked for beside its points, after a break too, and no longer when nobody reads them", () => {
  newest().opens();
  live.subscribe("a");
  cursors.set("a", 17);
  live.watchLogs("a", true);
  live.watchLogs("a", true);
  live.watchLogs("b", true);
  expect(newest().sent).toEqual([
    { type: "subscribe", run_id: "a" },
    { type: "subscribe", run_id: "a", logs: true },
    { type: "subscribe", run_id: "b", logs: true },
  ]);
  newest().breaks();
  vi.advanceTimersByTime(1000);
  newest().opens();
  expect(newest().sent).toEqual([
    { type: "subscribe", run_id: "a", since: 17, logs: true },
    { type: "subscribe", run_id: "b", logs: true },
  ]);
  live.watchLogs("a", false);
  live.watchLogs("b", false);
  expect(newest().sent.slice(2)).toEqual([
    { type: "subscribe", run_id: "a", logs: false },
    { type: "unsubscribe", run_id: "b" },
  ]);
});

test("who leaves the charts of a run goes on reading its lines", () => {
  newest().opens();
  live.subscribe("a");
  live.watchLogs("a", true);
  live.unsubscribe("a");
  expect(newest().sent.at(-1)).toEqual({ type: "subscribe", run_id: "a", logs: true });
  live.watchLogs("a", false);
  expect(newest().sent.at(-1)).toEqual({ type: "unsubscribe", run_id: "a" });
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Feed } from "../live/feed";
import { ALL_LINES } from "../live/lines";
import type { Client } from "../services/api";
import type { LogLine, ServerMessage } from "../services/types";
import { Console } from "./console";

const asked: { from: number; limit: number }[] = [];
let printed: LogLine[];
let status: number;
let hear: (message: Partial<ServerMessage>) => void;
let reopen: () => void;
const unwatch = vi.fn();

const feed = {
  onMessage: (listener: typeof hear) => {
    hear = listener;
    return () => undefined;
  },
  onReopen: (listener: () => void) => {
    reopen = listener;
    return () => undefined;
  },
  onPause: () => () => undefined,
  watchLogs: () => unwatch,
} as unknown as Feed;

const client = {
  GET: async (_: string, { params }: { params: { query: { from: number; limit: number } } }) => {
    const { from, limit } = params.query;
    asked.push(params.query);
    if (status !== 200) return { error: { detail: "No such run." }, response: { ok: false, status } };
    const total = printed.length;
    const start = from < 0 ? Math.max(0, total + from) : from;
    const lines = printed.slice(start, start + limit);
    const next = start + lines.length;
    return {
      data: { run_id: "a", lines, first: 0, next, total, more: next < total },
      response: { ok: true, status: 200 },
    };
  },
} as unknown as Client;

function aLine(line: number): LogLine {
  return { line, time: line * 10, stream: "stdout", text: `line ${line}` };
}

function start(): { log: Console; stop: () => void } {
  const log = new Console(client, feed, "a", ALL_LINES);
  return { log, stop: log.start() };
}

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
  printed = Array.from({ length: 10_000 }, (_, line) => aLine(line));
  status = 200;
  unwatch.mockReset();
});
afterEach(() => void vi.useRealTimers());

test("it reads the end first, and takes what is pushed", async () => {
  const { log } = start();
  await vi.waitFor(() => expect(log.ready).toBe(true));
  expect(asked).toEqual([{ from: -1000, limit: 1000 }]);
  const told = vi.fn();
  log.onPrinted(told);
  hear({ type: "log", run_id: "b", lines: [aLine(10_000)] });
  hear({ type: "log", run_id: "a", lines: [aLine(10_000)] });
  expect(log.lines.total).toBe(10_001);
  expect(told).toHaveBeenCalledTimes(1);
});

test("lines that were too many to be pushed, or were missed while the socket was closed, are read", async () => {
  const { log } = start();
  await vi.waitFor(() => expect(log.ready).toBe(true));
  printed.push(...Array.from({ length: 5_000 }, (_, at) => aLine(10_000 + at)));
  hear({ type: "resync", run_id: "a", from_line: 10_000 });
  await vi.waitFor(() => expect(log.lines.total).toBe(15_000));
  printed.push(aLine(15_000));
  reopen();
  await vi.waitFor(() => expect(log.lines.total).toBe(15_001));
});

test("several notices while it reads lead to one more answer", async () => {
  const { log } = start();
  for (let notice = 0; notice < 5; notice++) hear({ type: "resync", run_id: "a", from_line: 1 });
  await vi.waitFor(() => expect(log.ready).toBe(true));
  await vi.waitFor(() => expect(asked).toHaveLength(2));
});

test("a server that is away is asked again, one that refuses is not", async () => {
  status = 503;
  const { log } = start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveLength(1);
  status = 200;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(log.ready).toBe(true);
  status = 404;
  log.want({ from: 0, limit: 500 });
  await vi.waitFor(() => expect(log.error).toBe("No such run."));
  log.want({ from: 0, limit: 500 });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(3);
});

test("one question at a time", async () => {
  const { log } = start();
  await vi.waitFor(() => expect(log.ready).toBe(true));
  log.want({ from: 0, limit: 500 });
  log.want({ from: 500, limit: 500 });
  await vi.waitFor(() => expect(log.lines.after(0, 1).missing).toBeNull());
  expect(asked.slice(1)).toEqual([{ from: 0, limit: 500 }]);
});

test("a line is found by its time with few questions", async () => {
  const { log } = start();
  await vi.waitFor(() => expect(log.ready).toBe(true));
  asked.length = 0;
  expect(await log.placeBefore(70_005)).toBe(7_000);
  expect(asked.length).toBeLessThan(10);
  expect(await log.placeBefore(70_000)).toBe(6_999);
  expect(await log.placeBefore(0)).toBeNull();
  expect(await log.placeBefore(Number.POSITIVE_INFINITY)).toBe(9_999);
});

test("who leaves is told no more", async () => {
  const { log, stop } = start();
  const told = vi.fn();
  log.subscribe(told);
  stop();
  await vi.advanceTimersByTimeAsync(10);
  expect(told).not.toHaveBeenCalled();
  expect(unwatch).toHaveBeenCalledTimes(1);
});

// @vitest-environment node

import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Feed } from "../live/feed";
import type { Client } from "../services/api";
import type { Command, HostStatus, LogEvent, Run, ServerMessage } from "../services/types";
import { commandsKey, eventsKey, RUNS, runKey, SYSTEM, systemHistoryKey } from "./keys";
import type { EventPages, HostLines, RunPage } from "./merge";
import { notBackwards } from "./merge";
import { Patches } from "./patches";

const run = (id: string, over: Partial<Run> = {}) =>
  ({
    id,
    number: 1,
    name: id,
    status: "running",
    health: "ok",
    created_at: `2026-01-0${id.length}T00:00:00Z`,
    step: 0,
    ...over,
  }) as Run;

let queries: QueryClient;
let say: (message: ServerMessage) => void;
let stored: Map<string, Run>;
let patches: Patches;

beforeEach(() => {
  vi.useFakeTimers();
  queries = new QueryClient();
  stored = new Map();
  const feed = {
    onMessage: (listener: typeof say) => {
      say = listener;
      return () => {};
    },
    onReopen: () => () => {},
    seed: () => {},
    forget: () => {},
  } as unknown as Feed;
  const GET = async (_: string, { params }: { params: { path: { run_id: string } } }) => {
    const data = stored.get(params.path.run_id);
    return { data, error: {}, response: new Response(null, { status: data ? 200 : 404 }) };
  };
  patches = new Patches(queries, { GET } as unknown as Client, feed);
  patches.start();
  queries.setQueryData<RunPage>(RUNS, { runs: [run("b")], next_cursor: null, counts: {} });
});

afterEach(() => {
  patches.stop();
  queries.clear();
  vi.useRealTimers();
});

const listed = () => queries.getQueryData<RunPage>(RUNS)?.runs ?? [];

test("the list is read again once the page is told of every run", () => {
  say({ type: "subscribed", run_id: "b", cursor: 1 });
  expect(queries.getQueryState(RUNS)?.isInvalidated).toBe(false);
  say({ type: "subscribed", run_id: "*", cursor: 1 });
  expect(queries.getQueryState(RUNS)?.isInvalidated).toBe(true);
});

test("a run that is created appears at the top of the list, once", async () => {
  stored.set("ccc", run("ccc"));
  const created = { type: "run_created", run_id: "ccc", number: 2, name: "ccc", project: "p" } as const;
  say(created);
  say(created);
  await vi.advanceTimersByTimeAsync(0);
  expect(listed().map((each) => each.id)).toEqual(["ccc", "b"]);
});

test.each([
  ["a run that appeared", { type: "run_created", run_id: "ccc", number: 2, name: "ccc", project: "p" }, ["ccc", "b"]],
  ["a run that was deleted", { type: "run_deleted", run_id: "b" }, ["ccc"]],
] as const)("a list that was on its way does not undo %s meanwhile", async (_, message, expected) => {
  const answers: ((page: RunPage) => void)[] = [];
  const queryFn = () => new Promise<RunPage>((resolve) => answers.push(resolve));
  const stop = new QueryObserver(queries, { queryKey: RUNS, queryFn, staleTime: Number.POSITIVE_INFINITY }).subscribe(
    () => {},
  );
  stored.set("ccc", run("ccc"));
  say({ type: "subscribed", run_id: "*", cursor: 1 });
  say(message);
  await vi.advanceTimersByTimeAsync(0);
  expect(answers.length).toBe(2);
  const page = { next_cursor: null, counts: {} };
  answers[1]?.({ ...page, runs: expected.map((id) => run(id)) });
  answers[0]?.({ ...page, runs: [run("b")] });
  await vi.advanceTimersByTimeAsync(0);
  expect(listed().map((each) => each.id)).toEqual(expected);
  stop();
});

test("a status is shown at once and completed from the server", async () => {
  stored.set("b", run("b", { status: "failed", end_time: "2026-01-02T00:00:00Z" }));
  say({
    type: "status_change",
    run_id: "b",
    old_status: "running",
    new_status: "failed",
    health: "ok",
    reason: "ValueError",
  });
  expect(listed()[0]).toMatchObject({ status: "failed", reason: "ValueError" });
  await vi.advanceTimersByTimeAsync(0);
  expect(listed()[0]?.end_time).toBe("2026-01-02T00:00:00Z");
});

test("steps reach the list a few times a second, and sampled metrics are no steps", async () => {
  queries.setQueryData<Run>(runKey("x"), run("x"));
  for (let step = 0; step < 100; step++) {
    say({ type: "metric_update", run_id: "b", step, metrics: { loss: 1 }, time: step * 1e6 });
  }
  say({ type: "metric_update", run_id: "b", step: 1.7e9, metrics: { "system/process/threads": 1 } });
  say({ type: "metric_update", run_id: "x", step: 5, metrics: { loss: 1 } });
  expect(listed()[0]?.step).toBe(0);
  await vi.advanceTimersByTimeAsync(250);
  expect(listed()[0]).toMatchObject({ step: 99, last_time: "1970-01-01T00:01:39.000Z" });
  expect(queries.getQueryData<Run>(runKey("x"))?.step).toBe(5);
});

test("the last value of a metric goes along, also one that diverged or is new", async () => {
  const tell = (step: number, metrics: Record<string, number | string>) =>
    say({ type: "metric_update", run_id: "b", step, metrics, time: 1e6 });
  tell(7, { loss: 1, "val/loss": 2 });
  tell(8, { loss: "NaN" });
  await vi.advanceTimersByTimeAsync(250);
  expect(listed()[0]?.summary).toMatchObject({ loss: { last: "NaN" }, "val/loss": { last: 2 } });
});

test("a step that is known already, or of a run that is not listed, leaves the list as it is", async () => {
  const message = { type: "metric_update", run_id: "b", step: 7, metrics: { loss: 1 }, time: 1e6 } as const;
  say(message);
  await vi.advanceTimersByTimeAsync(250);
  const before = queries.getQueryData(RUNS);
  say(message);
  say({ ...message, run_id: "x" });
  await vi.advanceTimersByTimeAsync(250);
  expect(queries.getQueryData(RUNS)).toBe(before);
});

test("a step leaves the other runs the objects that they were", async () => {
  queries.setQueryData<RunPage>(RUNS, { runs: [run("b"), run("a")], next_cursor: null, counts: {} });
  const other = listed()[1];
  say({ type: "metric_update", run_id: "b", step: 7, metrics: { loss: 1 }, time: 1e6 });
  await vi.advanceTimersByTimeAsync(250);
  expect(listed()[0]?.step).toBe(7);
  expect(listed()[1]).toBe(other);
});

test("a deleted run leaves the list", () => {
  say({ type: "run_deleted", run_id: "b" });
  expect(listed()).toEqual([]);
});

test("an event that comes while the log is being read is in it all the same", async () => {
  const key = eventsKey({});
  const event = (id: number) => ({ type: "event", id, run_id: "a", level: "error", event: "e" }) as unknown as LogEvent;
  let answer: (pages: EventPages) => void = () => {};
  const read = queries.fetchQuery({
    queryKey: key,
    queryFn: () => new Promise<EventPages>((resolve) => (answer = resolve)),
  });
  say(event(7));
  answer({ events: [event(3)], hasOlder: false });
  await read;
  await vi.waitFor(() => expect(queries.getQueryData<EventPages>(key)?.events.map((each) => each.id)).toEqual([7, 3]));
});

test("an event goes to the logs whose filter it passes, newest first, once", () => {
  const event = (id: number, over: Partial<LogEvent> = {}): LogEvent => ({
    type: "event",
    id,
    time: id,
    level: "info",
    source: "run",
    event: "e",
    message: "m",
    ...over,
  });
  const all = eventsKey({});
  const errors = eventsKey({ levels: ["error"] });
  const ofB = eventsKey({ runId: "b" });
  for (const key of [all, errors, ofB]) queries.setQueryData<EventPages>(key, { events: [], hasOlder: false });
  say(event(2, { run_id: "b" }));
  say(event(1, { level: "error" }));
  say(event(2, { run_id: "b" }));
  const ids = (key: readonly unknown[]) => queries.getQueryData<EventPages>(key)?.events.map((each) => each.id);
  expect([ids(all), ids(errors), ids(ofB)]).toEqual([[2, 1], [1], [2]]);
});

test("a command never goes back: an answer may be older than the push before it", () => {
  const sent = {
    id: "c",
    run_id: "a",
    command: "stop",
    args: {},
    state: "sent",
    step: null,
    message: null,
    time: 1,
  } as const;
  const done = { ...sent, state: "acknowledged", step: 7 } as const;
  expect(notBackwards([{ ...done, type: "command" }], [{ ...sent, type: "command" }])[0]?.state).toBe("acknowledged");
  expect(notBackwards([{ ...sent, type: "command" }], [{ ...done, type: "command" }])[0]?.step).toBe(7);
  expect(notBackwards(undefined, [{ ...sent, type: "command" }])[0]?.state).toBe("sent");
});

test("a command follows what the run answers", () => {
  queries.setQueryData<Command[]>(commandsKey("b"), []);
  const command = { type: "command", id: "c", run_id: "b", command: "stop", args: {} } as const;
  for (const state of ["sent", "delivered", "acknowledged"] as const) say({ ...command, state, step: 7 });
  expect(queries.getQueryData<Command[]>(commandsKey("b"))).toMatchObject([
    { id: "c", state: "acknowledged", step: 7 },
  ]);
});

test("a sample takes its host's place and lengthens its history", () => {
  const sample = (time: number, cpu: number): HostStatus => ({
    host: "h",
    time,
    cpu_percent: cpu,
    memory_percent: 1,
    memory_used: 1,
    memory_total: 2,
    disk: { used: 1, total: 2, percent: 50 },
  });
  queries.setQueryData<HostStatus[]>(SYSTEM, [sample(1, 10)]);
  const line = () => ({ x: [1], mean: [10], min: [10], max: [10] });
  const lines = { cpu_percent: line(), "disk/percent": line(), "gpu/0/power": line() };
  queries.setQueryData<HostLines>(systemHistoryKey("h", "1h"), lines);
  say({ type: "system_update", host: sample(2, 20) });
  say({ type: "system_update", host: sample(2, 20) });
  expect(queries.getQueryData<HostStatus[]>(SYSTEM)).toMatchObject([{ time: 2, cpu_percent: 20 }]);
  const history = queries.getQueryData<HostLines>(systemHistoryKey("h", "1h"));
  expect(history?.cpu_percent).toMatchObject({ x: [1, 2], mean: [10, 20] });
  expect(history?.["disk/percent"]?.mean).toEqual([10, 50]);
  expect(history?.["gpu/0/power"]?.x).toEqual([1]);
});

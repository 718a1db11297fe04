// @vitest-environment node

import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import type { Feed } from "../live/feed";
import type { Client } from "../services/api";
import type { Run } from "../services/types";
import { RunEdits } from "./edits";
import { RUNS, runKey } from "./keys";
import type { RunPage } from "./merge";

const run = (id: string, number: number, over: Partial<Run> = {}) =>
  ({
    id,
    number,
    name: id,
    tags: [],
    notes: "",
    created_at: `2026-01-0${number}T00:00:00Z`,
    ...over,
  }) as unknown as Run;

type Request = { params: { path: { run_id: string } }; body?: Partial<Run> };

let queries: QueryClient;
let stored: Map<string, Run>;
let trash: Map<string, Run>;
let edits: RunEdits;
let status: number | null;

const answer = (data: unknown, code = data === undefined ? 404 : 200) =>
  Promise.resolve({ data, error: { detail: `No (${code}).` }, response: new Response(null, { status: code }) });

function move(id: string, from: Map<string, Run>, to: Map<string, Run>) {
  const found = from.get(id);
  if (status !== null && id === "b") return answer(undefined, status);
  if (found === undefined) return answer(undefined);
  from.delete(id);
  to.set(id, found);
  return answer({ id });
}

beforeEach(() => {
  queries = new QueryClient();
  status = null;
  const runs = [run("c", 3), run("b", 2), run("a", 1)];
  stored = new Map(runs.map((each) => [each.id, each]));
  trash = new Map();
  const client = {
    GET: (_: string, { params }: Request) => answer(stored.get(params.path.run_id)),
    PUT: (_: string, { params, body }: Request) => answer({ ...stored.get(params.path.run_id), ...body }),
    DELETE: (_: string, { params }: Request) => move(params.path.run_id, stored, trash),
    POST: (_: string, { params }: Request) => move(params.path.run_id, trash, stored),
  };
  edits = new RunEdits(client as unknown as Client, queries, { seed: vi.fn() } as unknown as Feed);
  queries.setQueryData<RunPage>(RUNS, { runs, counts: {}, next_cursor: null });
});

const listed = () => (queries.getQueryData<RunPage>(RUNS)?.runs ?? []).map((each) => each.id);

test("what was changed is in the list and in the run's own answer at once", async () => {
  await edits.change("b", { name: "better", tags: ["keep"] });
  expect(queries.getQueryData<RunPage>(RUNS)?.runs[1]).toMatchObject({ name: "better", tags: ["keep"] });
  expect(queries.getQueryData<Run>(runKey("b"))?.name).toBe("better");
});

test("deleted runs leave the list, and come back in their place", async () => {
  await edits.delete(["b", "a"]);
  expect(listed()).toEqual(["c"]);
  await edits.undelete(["a", "b"]);
  expect(listed()).toEqual(["c", "b", "a"]);
});

test("a run that is gone already need not be deleted", async () => {
  stored.delete("b");
  await edits.delete(["b"]);
  expect(listed()).toEqual(["c", "a"]);
});

test("what failed is counted, and the rest is done", async () => {
  status = 503;
  await expect(edits.delete(["a", "b", "c"])).rejects.toThrow("1 of 3 runs could not be deleted: No (503).");
  expect(listed()).toEqual(["b"]);
  await expect(edits.delete(["b"])).rejects.toThrow(/^No \(503\)\.$/);
});

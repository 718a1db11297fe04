// @vitest-environment node

import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import type { Feed } from "../live/feed";
import type { Client } from "../services/api";
import type { Run } from "../services/types";
import { RUNS } from "./keys";
import { type ReadRuns, withoutRuns, withRun } from "./merge";
import { readNewest, readOlder } from "./runPages";

const PAGE = 3;
const run = (number: number, over: Partial<Run> = {}) =>
  ({
    id: `r${number}`,
    number,
    status: "completed",
    created_at: new Date(number * 1000).toISOString(),
    ...over,
  }) as unknown as Run;

let queries: QueryClient;
let stored: Run[];
/** Called when a page that starts after a run was read and is on its way. */
let onTheWay: (cursor: string | null) => void;
let source: Parameters<typeof readOlder>[0];

beforeEach(() => {
  queries = new QueryClient();
  stored = Array.from({ length: 10 }, (_, index) => run(10 - index));
  onTheWay = () => {};
  const GET = async (_: string, { params }: { params: { query: { cursor?: string } } }) => {
    const { cursor = null } = params.query;
    const start = cursor === null ? 0 : stored.findIndex((each) => each.number < Number(cursor));
    const runs = start < 0 ? [] : stored.slice(start, start + PAGE);
    const more = start >= 0 && start + PAGE < stored.length;
    onTheWay(cursor);
    const data = { runs, counts: {}, next_cursor: more ? String(runs.at(-1)?.number) : null };
    return { data, response: new Response(null, { status: 200 }) };
  };
  source = { client: { GET } as unknown as Client, queries, feed: { seed: vi.fn() } as unknown as Feed };
});

async function readFirst() {
  queries.setQueryData<ReadRuns>(RUNS, await readNewest(source));
}

const change = (make: (page: ReadRuns) => ReadRuns) =>
  queries.setQueryData<ReadRuns>(RUNS, (page) => page && make(page));
const listed = () => (queries.getQueryData<ReadRuns>(RUNS)?.runs ?? []).map((each) => each.number);

test("the first page is there at once, the older runs follow to the end", async () => {
  await readFirst();
  expect(listed()).toEqual([10, 9, 8]);
  await readOlder(source);
  expect(listed()).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(queries.getQueryData<ReadRuns>(RUNS)?.next_cursor).toBeNull();
});

test("reading the newest again leaves the older ones where they are, without what was deleted", async () => {
  await readFirst();
  await readOlder(source);
  stored = [run(11), ...stored.filter((each) => each.number !== 9 && each.number !== 4)];
  await readFirst();
  expect(listed()).toEqual([11, 10, 8, 7, 6, 5, 4, 3, 2, 1]);
  await readOlder(source);
  expect(listed()).toEqual([11, 10, 8, 7, 6, 5, 3, 2, 1]);
});

test("a list that shrank to one page holds no older runs", async () => {
  await readFirst();
  await readOlder(source);
  stored = stored.slice(0, 2);
  await readFirst();
  expect(listed()).toEqual([10, 9]);
});

test("what the socket told while a page was on its way is newer than the page", async () => {
  await readFirst();
  await readOlder(source);
  await readFirst();
  onTheWay = (cursor) => {
    if (cursor !== "8") return;
    change((page) => withRun(page, run(6, { status: "failed" })) as ReadRuns);
    change((page) => withoutRuns(page, ["r5"]));
    change((page) => withRun(page, run(11)) as ReadRuns);
  };
  await readOlder(source);
  expect(listed()).toEqual([11, 10, 9, 8, 7, 6, 4, 3, 2, 1]);
  expect(queries.getQueryData<ReadRuns>(RUNS)?.runs[5]?.status).toBe("failed");
});

test("reading that was given up changes nothing more", async () => {
  await readFirst();
  const given = new AbortController();
  onTheWay = () => given.abort();
  await expect(readOlder(source, given.signal)).rejects.toThrow();
  expect(listed()).toEqual([10, 9, 8]);
});

test("reading that is given up before it began asks for nothing", async () => {
  await readFirst();
  onTheWay = vi.fn();
  await expect(readOlder(source, AbortSignal.abort())).rejects.toThrow();
  expect(onTheWay).not.toHaveBeenCalled();
});

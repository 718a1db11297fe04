import type { QueryClient } from "@tanstack/react-query";
import type { Feed } from "../live/feed";
import { answerOf, type Client } from "../services/api";
import type { Run } from "../services/types";
import { RUNS } from "./keys";
import { type ReadRuns, type RunPage, withPage } from "./merge";

const PAGE = 500;
/** So many runs the page holds; older ones are found by their own address alone. */
export const MAX_RUNS = 20_000;

interface Source {
  client: Client;
  queries: QueryClient;
  feed: Feed;
}

/** The newest runs, and behind them those older ones that are known: `readOlder` looks at them again. */
export async function readNewest({ client, queries, feed }: Source, signal?: AbortSignal): Promise<ReadRuns> {
  const before = queries.getQueryData<ReadRuns>(RUNS);
  const page = await readPage(client, null, signal);
  feed.seed(page.runs);
  const known = { runs: before?.runs ?? [], counts: page.counts, next_cursor: page.next_cursor };
  const runs = page.next_cursor === null ? page.runs : withPage(known, page, null).runs;
  return { ...page, runs, older: { cursor: page.next_cursor, after: page.runs.at(-1) ?? null, turn: Date.now() } };
}

/** The runs behind the newest ones, page by page, each put into the list as it comes. Returns how many were read. */
export async function readOlder({ client, queries, feed }: Source, signal?: AbortSignal): Promise<number> {
  const start = queries.getQueryData<ReadRuns>(RUNS)?.older;
  let [cursor, after, count] = [start?.cursor ?? null, start?.after ?? null, PAGE];
  while (cursor !== null && count < MAX_RUNS) {
    const asked = queries.getQueryData<ReadRuns>(RUNS);
    const page = await readPage(client, cursor, signal);
    signal?.throwIfAborted();
    feed.seed(page.runs);
    queries.setQueryData<ReadRuns>(RUNS, (known) => known && merged(known, asked, page, after));
    [cursor, after, count] = [page.next_cursor, page.runs.at(-1) ?? after, count + page.runs.length];
    // Whoever types or scrolls goes first.
    await new Promise((resolve) => setTimeout(resolve));
  }
  return count;
}

function readPage(client: Client, cursor: string | null, signal?: AbortSignal): Promise<RunPage> {
  const query = { limit: PAGE, ...(cursor === null ? {} : { cursor }) };
  return answerOf(client.GET("/api/runs", { params: { query }, ...(signal ? { signal } : {}) }));
}

/** What the socket told of a run while its page was on the way is newer than the page. */
function merged(known: ReadRuns, asked: ReadRuns | undefined, page: RunPage, after: Run | null): ReadRuns {
  const next = withPage(known, { ...page, runs: untouched(known, asked, page.runs) }, after);
  return { ...known, runs: next.runs, next_cursor: page.next_cursor };
}

function untouched(known: ReadRuns, asked: ReadRuns | undefined, runs: readonly Run[]): Run[] {
  if (asked === undefined || asked.runs === known.runs) return [...runs];
  const before = new Map(asked.runs.map((run) => [run.id, run]));
  const now = new Map(known.runs.map((run) => [run.id, run]));
  return runs.flatMap((run) => {
    if (before.get(run.id) === now.get(run.id)) return [run];
    const told = now.get(run.id);
    return told === undefined ? [] : [told];
  });
}

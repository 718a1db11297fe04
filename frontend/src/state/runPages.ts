import type { QueryClient } from "@tanstack/react-query";
import { idle } from "../lib/idle";
import type { Feed } from "../live/feed";
import { answerOf, type Client } from "../services/api";
import type { Run } from "../services/types";
import { RUNS } from "./keys";
import { type ReadRuns, type RunPage, withPage } from "./merge";

/** Enough for any screen; `vite.config.ts` has the browser ask for them before any script is there. */
const FIRST_PAGE = 100;
const PAGE = 500;
const IDLE_MS = 1_000;
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
  const page = await readPage(client, { limit: FIRST_PAGE }, signal);
  feed.seed(page.runs);
  const known = { runs: before?.runs ?? [], counts: page.counts, next_cursor: page.next_cursor };
  const runs = page.next_cursor === null ? page.runs : withPage(known, page, null).runs;
  return { ...page, runs, older: { cursor: page.next_cursor, after: page.runs.at(-1) ?? null, turn: Date.now() } };
}

/** The runs behind the newest ones, page by page, each put into the list as it comes. Returns how many were read. */
export async function readOlder({ client, queries, feed }: Source, signal?: AbortSignal): Promise<number> {
  // The charts of the runs that are on the screen go first.
  await idle(IDLE_MS);
  signal?.throwIfAborted();
  const start = queries.getQueryData<ReadRuns>(RUNS)?.older;
  let [cursor, after, count] = [start?.cursor ?? null, start?.after ?? null, FIRST_PAGE];
  while (cursor !== null && count < MAX_RUNS) {
    const asked = queries.getQueryData<ReadRuns>(RUNS);
    const page = await readPage(client, { limit: PAGE, cursor }, signal);
    signal?.throwIfAborted();
    feed.seed(page.runs);
    queries.setQueryData<ReadRuns>(RUNS, (known) => known && merged(known, asked, page, after));
    [cursor, after, count] = [page.next_cursor, page.runs.at(-1) ?? after, count + page.runs.length];
    // Whoever types or scrolls goes first.
    await new Promise((resolve) => setTimeout(resolve));
  }
  return count;
}

function readPage(client: Client, query: { limit: number; cursor?: string }, signal?: AbortSignal): Promise<RunPage> {
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

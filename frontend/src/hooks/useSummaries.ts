import { useQueries } from "@tanstack/react-query";
import { answerOf, type Client } from "../services/api";
import type { Summary } from "../services/types";
import { useLive } from "./LiveProvider";

/** So many names fit an address. */
const BLOCK = 32;

type Summaries = Readonly<Record<string, Summary>>;

/** What the server knows of some of a run's metrics, read for the rows that can be seen, of however many there are. */
export function useSummaries(runId: string, names: readonly string[], first: number, last: number): Summaries {
  const { client } = useLive();
  const blocks = blocksOf(names, first, last);
  return useQueries({
    queries: blocks.map((block) => ({
      queryKey: ["summaries", runId, block],
      queryFn: () => readSummaries(client, runId, block),
      gcTime: 60_000,
    })),
    combine: (answers) => Object.assign({}, ...answers.map(({ data }) => data ?? {})) as Summaries,
  });
}

/** Whole blocks of names, so that a row that comes into view is mostly known already. */
export function blocksOf(names: readonly string[], first: number, last: number): string[][] {
  const blocks: string[][] = [];
  const end = Math.min(last + 1, names.length);
  for (let at = Math.floor(first / BLOCK) * BLOCK; at < end; at += BLOCK) blocks.push(names.slice(at, at + BLOCK));
  return blocks;
}

async function readSummaries(client: Client, runId: string, key: string[]): Promise<Summaries> {
  const params = { path: { run_id: runId }, query: { key } };
  return (await answerOf(client.GET("/api/runs/{run_id}", { params }))).summary;
}

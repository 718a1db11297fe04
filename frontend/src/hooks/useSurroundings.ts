import { useQuery } from "@tanstack/react-query";
import { answerOf, type Client } from "../services/api";
import type { Run, Surroundings } from "../services/types";
import { useLive } from "./LiveProvider";

const AGAIN_MS = 3_000;
const MOST_TRIES = 10;

export interface Where {
  /** Null while it is read, and when nobody told. */
  surroundings: Surroundings | null;
  loading: boolean;
  error: string | null;
}

/** What a run's newest attempt runs in. */
export function useSurroundings(run: Run | null): Where {
  const { client } = useLive();
  const { data, isPending, error } = useQuery({
    queryKey: ["surroundings", run?.id, run?.attempt],
    enabled: run !== null,
    gcTime: 60_000,
    // A script finds it out after its run began, and no message tells that it did.
    refetchInterval: ({ state }) =>
      run?.status === "running" && state.data === null && state.dataUpdateCount < MOST_TRIES ? AGAIN_MS : false,
    queryFn: () => readSurroundings(client, run?.id ?? ""),
  });
  return { surroundings: data ?? null, loading: isPending && run !== null, error: error?.message ?? null };
}

async function readSurroundings(client: Client, runId: string): Promise<Surroundings | null> {
  const request = client.GET("/api/runs/{run_id}/environment", { params: { path: { run_id: runId } } });
  return answerOf(request.then((answer) => (answer.response.status === 204 ? { ...answer, data: null } : answer)));
}

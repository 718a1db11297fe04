import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../services/api";
import type { Checkpoint } from "../services/types";
import { checkpointsKey } from "../state/keys";
import { useLive } from "./LiveProvider";

const NONE: Checkpoint[] = [];

/** Checkpoints of a run, newest first; read again when one is saved or marked. */
export function useCheckpoints(runId: string | null): Checkpoint[] {
  const { client } = useLive();
  const { data } = useQuery({
    queryKey: checkpointsKey(runId),
    enabled: runId !== null,
    queryFn: async () => {
      const path = { run_id: runId ?? "" };
      return (await answerOf(client.GET("/api/runs/{run_id}/checkpoints", { params: { path } }))).checkpoints;
    },
  });
  return data ?? NONE;
}

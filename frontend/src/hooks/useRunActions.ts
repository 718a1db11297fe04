import { useMemo } from "react";
import { answerOf } from "../services/api";
import { checkpointsKey, RUNS } from "../state/keys";
import { useLive } from "./LiveProvider";

export interface RunActions {
  /** Makes a checkpoint the best of its run. Throws an `Error` whose message can be shown. */
  markBest(checkpointId: string): Promise<void>;
  /** Deletes a run with its points. Throws an `Error` whose message can be shown. */
  deleteRun(runId: string): Promise<void>;
}

/** What can be done to runs and checkpoints apart from commands. */
export function useRunActions(): RunActions {
  const { client, queries } = useLive();
  return useMemo(
    () => ({
      markBest: async (checkpointId) => {
        const path = { checkpoint_id: checkpointId };
        const marked = await answerOf(client.POST("/api/checkpoints/{checkpoint_id}/best", { params: { path } }));
        await queries.invalidateQueries({ queryKey: checkpointsKey(marked.run_id) });
      },
      deleteRun: async (runId) => {
        await answerOf(client.DELETE("/api/runs/{run_id}", { params: { path: { run_id: runId } } }));
        await queries.invalidateQueries({ queryKey: RUNS });
      },
    }),
    [client, queries],
  );
}

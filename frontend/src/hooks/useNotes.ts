import { useCallback } from "react";
import { answerOf } from "../services/api";
import { RUNS, runKey } from "../state/keys";
import { useLive } from "./LiveProvider";

/** Changes the notes of a run. Throws an `Error` whose message can be shown. */
export function useSaveNotes(): (runId: string, notes: string) => Promise<void> {
  const { client, queries } = useLive();
  return useCallback(
    async (runId, notes) => {
      const path = { run_id: runId };
      await answerOf(client.PUT("/api/runs/{run_id}", { params: { path }, body: { notes } }));
      await Promise.all([RUNS, runKey(runId)].map((queryKey) => queries.invalidateQueries({ queryKey })));
    },
    [client, queries],
  );
}

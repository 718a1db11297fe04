import { useMemo } from "react";
import { RunEdits } from "../state/edits";
import type { Live } from "../state/live";
import { useLive } from "./LiveProvider";

export interface RunActions {
  /** Makes a checkpoint the best of its run. Throws an `Error` whose message can be shown, as all of these do. */
  markBest(checkpointId: string): Promise<void>;
  /** Deletes a run with its points. */
  deleteRun(runId: string): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  /** All tags that the run has from now on. */
  setTags(id: string, tags: readonly string[]): Promise<void>;
  setNotes(id: string, text: string): Promise<void>;
  /** Deletes runs; they can be brought back for a while. */
  deleteRuns(ids: readonly string[]): Promise<void>;
  /** Brings deleted runs back, with everything that they had. */
  undeleteRuns(ids: readonly string[]): Promise<void>;
}

/** What can be done to runs and checkpoints apart from commands. */
export function useRunActions(): RunActions {
  const live = useLive();
  return useMemo(() => actionsOf(live), [live]);
}

function actionsOf({ client, queries, feed }: Pick<Live, "client" | "queries" | "feed">): RunActions {
  const edits = new RunEdits(client, queries, feed);
  return {
    markBest: (checkpointId) => edits.markBest(checkpointId),
    deleteRun: (runId) => edits.delete([runId]),
    rename: (id, name) => edits.change(id, { name }),
    setTags: (id, tags) => edits.change(id, { tags: [...tags] }),
    setNotes: (id, notes) => edits.change(id, { notes }),
    deleteRuns: (ids) => edits.delete(ids),
    undeleteRuns: (ids) => edits.undelete(ids),
  };
}

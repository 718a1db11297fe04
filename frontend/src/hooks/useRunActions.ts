import { useMemo } from "react";
import type { RunEdits } from "../state/edits";
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

/** What changes runs is loaded with the first change. */
function actionsOf({ client, queries, feed }: Pick<Live, "client" | "queries" | "feed">): RunActions {
  let made: RunEdits | null = null;
  const edits = async () => {
    const { RunEdits } = await import("../state/edits");
    made ??= new RunEdits(client, queries, feed);
    return made;
  };
  return {
    markBest: async (checkpointId) => (await edits()).markBest(checkpointId),
    deleteRun: async (runId) => (await edits()).delete([runId]),
    rename: async (id, name) => (await edits()).change(id, { name }),
    setTags: async (id, tags) => (await edits()).change(id, { tags: [...tags] }),
    setNotes: async (id, notes) => (await edits()).change(id, { notes }),
    deleteRuns: async (ids) => (await edits()).delete(ids),
    undeleteRuns: async (ids) => (await edits()).undelete(ids),
  };
}

import { useEffect, useState } from "react";
import type { RunActions } from "../../hooks/useRunActions";
import type { Selection } from "../../hooks/useSelection";

const UNDO_MS = 10_000;

export interface Deleted {
  /** What was deleted a moment ago; empty once it is too late to take it back here. */
  ids: readonly string[];
  /** Why it could not be brought back. */
  error: string | null;
  /** Throws an `Error` to show. */
  remove(ids: readonly string[]): Promise<void>;
  undo(): Promise<void>;
}

const NOTHING: readonly string[] = [];

/** Deletes runs, and holds the way back open for a while. */
export function useDeleted(actions: RunActions, selection: Selection): Deleted {
  const [ids, setIds] = useState(NOTHING);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    if (ids.length === 0) return undefined;
    const timer = setTimeout(() => setIds(NOTHING), UNDO_MS);
    return () => clearTimeout(timer);
  }, [ids]);
  return {
    ids,
    error,
    async remove(gone) {
      await actions.deleteRuns(gone);
      setError(null);
      setIds([...gone]);
      if (selection.selected !== null && gone.includes(selection.selected)) selection.select(null);
    },
    async undo() {
      try {
        await actions.undeleteRuns(ids);
        setIds(NOTHING);
      } catch (failure) {
        setError(failure instanceof Error ? failure.message : String(failure));
      }
    },
  };
}

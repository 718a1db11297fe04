import type { Checkpoint } from "../services/types";
/** Newest first. */
export function useCheckpoints(_runId: string | null): Checkpoint[] {
  return [];
}

import type { Run } from "../services/types";
export interface Runs {
  runs: Run[];
  counts: Record<string, number>;
  loading: boolean;
  error: string | null;
}
export function useRuns(): Runs {
  return { runs: [], counts: {}, loading: true, error: null };
}
export function useRun(_id: string | null): Run | null {
  return null;
}

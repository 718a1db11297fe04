export interface ConnectionStatus {
  state: "live" | "reconnecting" | "stale" | "offline" | "unauthorised";
  retryInSeconds: number | null;
  /** Log call to drawn frame, milliseconds over the last 60 s; null without a measurement. */
  lagP50: number | null;
  lagP95: number | null;
  pointsPerSecond: number;
  dropped: number;
  serverVersion: string | null;
  /** Milliseconds since the newest point of a run was logged; null without one. */
  ageOf(runId: string): number | null;
}
export function useConnection(): ConnectionStatus {
  return { state: "offline", retryInSeconds: null, lagP50: null, lagP95: null, pointsPerSecond: 0, dropped: 0, serverVersion: null, ageOf: () => null };
}

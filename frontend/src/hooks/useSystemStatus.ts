import type { HostStatus } from "../services/types";
export interface SystemStatus {
  hosts: HostStatus[];
  loading: boolean;
  error: string | null;
}
export type SystemRange = "10m" | "1h" | "24h";
export interface HistoryLine {
  /** Microseconds since 1970 UTC. */
  x: number[];
  mean: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
}
export function useSystemStatus(): SystemStatus {
  return { hosts: [], loading: true, error: null };
}
/** Lines by name (`cpu_percent`, `memory_percent`, …). */
export function useSystemHistory(_host: string | null, _range: SystemRange): Record<string, HistoryLine> {
  return {};
}

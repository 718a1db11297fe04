import type { Level, LogEvent } from "../services/types";
export interface EventFilter {
  runId?: string | undefined;
  levels?: readonly Level[] | undefined;
}
export interface Events {
  /** Newest first. */
  events: LogEvent[];
  loading: boolean;
  error: string | null;
  hasOlder: boolean;
  loadOlder(): void;
}
export function useEvents(_filter: EventFilter = {}): Events {
  return { events: [], loading: true, error: null, hasOlder: false, loadOlder() {} };
}

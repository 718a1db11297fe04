import type { Level } from "../services/types";

/** Names of the answers in the cache. */
export const RUNS = ["runs"] as const;
export const OLDER_RUNS = ["older-runs"] as const;
export const EVENTS = ["events"] as const;
export const SYSTEM = ["system"] as const;
export const SYSTEM_HISTORY = ["system-history"] as const;
export const VERSION = ["version"] as const;
export const CHECKPOINTS = ["checkpoints"] as const;
export const COMMANDS = ["commands"] as const;

/** Reading the older runs, anew each time the newest were read. */
export const olderRunsKey = (turn: number | null) => [...OLDER_RUNS, turn] as const;
export const runKey = (id: string | null) => ["run", id] as const;
export const checkpointsKey = (runId: string | null) => [...CHECKPOINTS, runId] as const;
export const commandsKey = (runId: string | null) => [...COMMANDS, runId] as const;
export const systemHistoryKey = (host: string | null, range: string) => [...SYSTEM_HISTORY, host, range] as const;

export interface EventFilter {
  runId?: string | undefined;
  levels?: readonly Level[] | undefined;
}

export const eventsKey = (filter: EventFilter) =>
  [...EVENTS, { runId: filter.runId, levels: filter.levels ? [...filter.levels].sort() : undefined }] as const;

import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { answerOf, type Client } from "../services/api";
import type { LogEvent } from "../services/types";
import { type EventFilter, eventsKey } from "../state/keys";
import { type EventPages, MAX_EVENTS } from "../state/merge";
import { useLive } from "./LiveProvider";

const PAGE = 200;

export type { EventFilter } from "../state/keys";

export interface Events {
  /** Newest first. */
  events: LogEvent[];
  loading: boolean;
  error: string | null;
  hasOlder: boolean;
  loadOlder(): void;
}

const NONE: LogEvent[] = [];

/** The event log, of one run or all, of some levels or all; new lines are pushed. */
export function useEvents(filter: EventFilter = {}): Events {
  const { client, queries } = useLive();
  const key = eventsKey(filter);
  const { data, isPending, error } = useQuery({ queryKey: key, queryFn: () => readEvents(client, filter) });
  const oldest = data?.events.at(-1)?.id;
  const loadOlder = useCallback(async () => {
    if (oldest === undefined) return;
    const older = await readEvents(client, filter, oldest);
    queries.setQueryData<EventPages>(key, (known) => known && joined(known, older));
  }, [client, queries, key, filter, oldest]);
  return {
    events: data?.events ?? NONE,
    loading: isPending,
    error: error?.message ?? null,
    hasOlder: (data?.hasOlder ?? false) && (data?.events.length ?? 0) < MAX_EVENTS,
    loadOlder: () => void loadOlder(),
  };
}

async function readEvents(client: Client, filter: EventFilter, before?: number): Promise<EventPages> {
  const query = {
    limit: PAGE,
    ...(filter.runId === undefined ? {} : { run_id: filter.runId }),
    ...(filter.levels === undefined ? {} : { level: [...filter.levels] }),
    ...(before === undefined ? {} : { before }),
  };
  const { events } = await answerOf(client.GET("/api/events", { params: { query } }));
  return { events, hasOlder: events.length === PAGE };
}

function joined(known: EventPages, older: EventPages): EventPages {
  const ids = new Set(known.events.map((event) => event.id));
  const added = older.events.filter((event) => !ids.has(event.id));
  return { events: [...known.events, ...added], hasOlder: older.hasOlder };
}

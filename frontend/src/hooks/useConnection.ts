import { useQuery } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";
import { answerOf } from "../services/api";
import type { SocketState } from "../services/websocket";
import { VERSION } from "../state/keys";
import { useLive } from "./LiveProvider";
import { useNow } from "./useNow";

export interface ConnectionStatus {
  state: SocketState | "unauthorised";
  retryInSeconds: number | null;
  /** Log call to drawn frame, milliseconds over the last 60 s; null without a measurement. */
  lagP50: number | null;
  lagP95: number | null;
  /** Of the runs that are charted. */
  pointsPerSecond: number;
  /** Times that the server had to leave updates out for this page, which were then read again. */
  dropped: number;
  serverVersion: string | null;
  /** Milliseconds since the newest point of a run was logged; null without one. */
  ageOf(runId: string): number | null;
}

/** The truth about the connection, looked at once a second and at each change of state. */
export function useConnection(): ConnectionStatus {
  const live = useLive();
  const { feed, client } = live;
  const now = useNow(1000);
  const status = useSyncExternalStore(
    useCallback((listener) => feed.onStatus(listener), [feed]),
    () => feed.status,
  );
  const unauthorised = useSyncExternalStore(
    useCallback((listener) => live.onAccess(listener), [live]),
    () => live.unauthorised,
  );
  const { data } = useQuery({ queryKey: VERSION, queryFn: () => answerOf(client.GET("/api/version")) });
  const ageOf = useCallback(
    (runId: string) => {
      const time = feed.latest.time(runId);
      return time === null ? null : Math.max(0, now - time / 1000);
    },
    [feed, now],
  );
  return {
    state: unauthorised ? "unauthorised" : status.state,
    retryInSeconds: status.retryAt === null ? null : Math.max(0, Math.ceil((status.retryAt - now) / 1000)),
    lagP50: feed.lag.quantile(0.5, now),
    lagP95: feed.lag.quantile(0.95, now),
    pointsPerSecond: feed.lag.pointsPerSecond(now),
    dropped: feed.dropped,
    serverVersion: data?.version ?? null,
    ageOf,
  };
}

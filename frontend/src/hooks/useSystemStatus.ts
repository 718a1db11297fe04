import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../services/api";
import type { HostSeries, HostStatus } from "../services/types";
import { SYSTEM, systemHistoryKey } from "../state/keys";
import { useLive } from "./LiveProvider";

export interface SystemStatus {
  /** The server's own host first. */
  hosts: HostStatus[];
  loading: boolean;
  error: string | null;
}

export type SystemRange = "10m" | "1h" | "24h";
export type HistoryLine = HostSeries;

const MICROS: Record<SystemRange, number> = { "10m": 600e6, "1h": 3600e6, "24h": 86_400e6 };
const POINTS = 240;
const NO_HOSTS: HostStatus[] = [];
const NO_LINES: Record<string, HistoryLine> = {};

/** The newest sample of each host, as it is pushed. */
export function useSystemStatus(): SystemStatus {
  const { client } = useLive();
  const { data, isPending, error } = useQuery({
    queryKey: SYSTEM,
    queryFn: async () => (await answerOf(client.GET("/api/system/status"))).hosts,
  });
  return { hosts: data ?? NO_HOSTS, loading: isPending, error: error?.message ?? null };
}

/** A host's lines by name (`cpu_percent`, `memory_percent`, …) over time, new samples at their end. */
export function useSystemHistory(host: string | null, range: SystemRange): Record<string, HistoryLine> {
  const { client } = useLive();
  const { data } = useQuery({
    queryKey: systemHistoryKey(host, range),
    enabled: host !== null,
    queryFn: async () => {
      const from = Date.now() * 1000 - MICROS[range];
      const query = { host: host ?? "", from, points: POINTS };
      return (await answerOf(client.GET("/api/system/history", { params: { query } }))).series;
    },
  });
  return data ?? NO_LINES;
}

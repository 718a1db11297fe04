import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useLive } from "../hooks/LiveProvider";
import { answerOf } from "../services/api";

const WAIT_MS = 60;
const MOST = 20;
const NONE: readonly string[] = [];

/** Metrics of a run that hold the text, asked of the server, which knows all of 100,000. */
export function useFoundNames(runId: string | null, text: string): readonly string[] {
  const { client } = useLive();
  const q = useSettled(text.trim());
  const { data } = useQuery({
    queryKey: ["names", runId, q],
    enabled: runId !== null && q.length >= 2,
    staleTime: 5_000,
    gcTime: 60_000,
    queryFn: async () => {
      const params = { path: { run_id: runId ?? "" }, query: { q, limit: MOST } };
      return (await answerOf(client.GET("/api/runs/{run_id}/metrics/names", { params }))).names;
    },
  });
  return data ?? NONE;
}

/** The text once nobody has typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), WAIT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

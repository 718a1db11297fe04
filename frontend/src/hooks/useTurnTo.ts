import { useCallback } from "react";
import { mainMetric } from "../lib/pick";
import { isSampled } from "../live/decode";
import { answerOf } from "../services/api";
import type { LogEvent } from "../services/types";
import type { Live } from "../state/live";
import { changeView, readView } from "../state/view";
import { useLive } from "./LiveProvider";

/** Turn the page to where an event happened: its run, with the crosshair on its step or on the one reached by then. */
export function useTurnTo(): (event: LogEvent) => void {
  const live = useLive();
  return useCallback((event) => void turnTo(event, live), [live]);
}

async function turnTo({ run_id: run, step, time }: LogEvent, live: Live): Promise<void> {
  if (run == null) return;
  changeView({ run, ...(step == null ? {} : { at: step }) });
  if (step != null) return;
  const at = await stepAt(run, time, live).catch(() => null);
  if (at !== null && readView().run === run) changeView({ at });
}

/** The step that a run had reached at a time; null when it logged nothing. */
async function stepAt(run: string, time: number, { client, feed }: Live): Promise<number | null> {
  const key = mainMetric(feed.latest.names(run).filter((name) => !isSampled(name)));
  if (key === null) return null;
  const params = { path: { run_id: run }, query: { key, time } };
  return (await answerOf(client.GET("/api/runs/{run_id}/metrics/moment", { params }))).step;
}

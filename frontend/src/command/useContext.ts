import { useMemo, useRef } from "react";
import { copyText } from "../components/ui/clipboard";
import { useLive } from "../hooks/LiveProvider";
import { useMetricNames } from "../hooks/useLiveValue";
import { useRunActions } from "../hooks/useRunActions";
import { answerOf } from "../services/api";
import type { Run } from "../services/types";
import { searchConsole } from "../state/consoleSearch";
import { prefer } from "../state/preferences";
import { changeView, readView } from "../state/view";
import type { Context } from "./command";
import { PLACES } from "./places";

interface Given {
  runs: readonly Run[];
  run: Run | null;
  /** Metrics that the server found beside those that are known. */
  found: readonly string[];
  onHelp(topic: string | null): void;
}

const MOST_FOUND = 20;

/** What commands see and do, for the page as it is now. */
export function useContext({ runs, run, found, onHelp }: Given): Context {
  const { client, feed } = useLive();
  const actions = useRunActions();
  const known = useMetricNames(run?.id ?? null);
  const metrics = useMemo(() => [...new Set([...found, ...known])], [found, known]);
  const now = useRef({ runs, run, onHelp });
  now.current = { runs, run, onHelp };
  return useMemo(
    () => ({
      client,
      view: readView,
      change: changeView,
      runs: () => now.current.runs,
      selected: () => now.current.run,
      metrics: () => metrics,
      async findMetrics(text) {
        const runId = now.current.run?.id;
        if (runId === undefined) return [];
        const params = { path: { run_id: runId }, query: { q: text, limit: MOST_FOUND } };
        return (await answerOf(client.GET("/api/runs/{run_id}/metrics/names", { params }))).names;
      },
      course(runId, metric) {
        const series = feed.store.series(runId, metric) ?? feed.latest.trend(runId, metric);
        if (series === null) return null;
        const { x, max } = series.view();
        return { x, y: max, odd: series.nonfinite };
      },
      screen: PLACES,
      actions: {
        ...actions,
        async send(target, command) {
          const params = { path: { run_id: target.id } };
          await answerOf(client.POST("/api/runs/{run_id}/commands", { params, body: { command } }));
        },
      },
      async exportChart(panel, format) {
        const { exportChart } = await import("../charts/export");
        await exportChart(panel, format);
      },
      download: (path) => window.location.assign(path),
      pause: (paused) => feed.pause(paused),
      copy: copyText,
      help: (topic) => now.current.onHelp(topic),
      prefill: () => {},
      searchConsole,
      prefer,
    }),
    [client, feed, actions, metrics],
  );
}

import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import { type ChartHost, type ChartSettings, LineChart } from "../../charts/chart";
import type { ChartWindow } from "../../charts/data";
import type { Line } from "../../charts/line";
import { mounted } from "../../charts/mounted";
import type { XKind } from "../../charts/options";
import type { Source } from "../../charts/source";
import { useMarks } from "../../hooks/useMarks";
import { useMetrics } from "../../hooks/useMetrics";
import { useRunFacts } from "../../hooks/useRuns";
import { useSelection } from "../../hooks/useSelection";
import type { Run } from "../../services/types";
import type { XAxis } from "../../state/address";
import { usePreferences } from "../../state/preferences";
import { changeView, useViewPart } from "../../state/view";

export interface MetricsChartProps {
  /** The first one decides which stretch a window of 100 or 1,000 points shows. */
  runs: readonly string[];
  metric: string;
  window: ChartWindow;
  logScale?: boolean | "auto";
  /** Told which scale is drawn, when it changes. */
  onScale?: ((logarithmic: boolean) => void) | undefined;
  /** A heading inside the chart, where several stand below one another. */
  label?: string | undefined;
}

/** One metric of several runs, live. */
export function MetricsChart({ runs, metric, window, logScale = false, onScale, label }: MetricsChartProps) {
  const root = useRef<HTMLDivElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const empty = useRef<HTMLSpanElement>(null);
  const chart = useRef<LineChart | null>(null);
  const { settings, resumed, startOf } = useSettings({ runs, metric, window, logScale });
  const handle = useMetrics({ runs, metric, xAxis: useViewPart("xAxis"), startOf, resumed });
  const current = useRef(settings);
  current.current = settings;
  const tellScale = useRef(onScale);
  tellScale.current = onScale;

  useEffect(() => {
    if (root.current === null || place.current === null || empty.current === null) return;
    const said = empty.current;
    said.textContent = reading(metric);
    const host: ChartHost = {
      sourceOf: (line, shown) => knownIn(said, metric, handle.sourceOf(line, shown)),
      places: handle.places,
      exactAt: handle.exactAt,
      onDirty: handle.mark,
      onDrawn: handle.drawn,
      onScale: (logarithmic) => tellScale.current?.(logarithmic),
      onChosen: changeView,
    };
    const made = new LineChart(root.current, place.current, host, current.current);
    chart.current = made;
    const ends = [handle.attach(made), mounted(made)];
    return () => {
      for (const end of ends) end();
      made.destroy();
    };
  }, [handle, metric]);
  useEffect(() => chart.current?.change(settings), [settings]);
  const colours = usePreferences(({ theme, palette }) => `${theme} ${palette}`);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other colours are drawn anew
  useEffect(() => chart.current?.repaint(), [colours]);

  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    if (chart.current?.press(event.key, event.shiftKey)) event.preventDefault();
  };
  return (
    <div
      ref={root}
      className="metrics-chart is-empty"
      role="group"
      aria-roledescription="chart"
      aria-label={`${metric}: no points yet`}
      data-points="[]"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrows move its crosshair, + and - zoom
      tabIndex={0}
      data-focus
      // Esc is the chart's own while there is something to take back.
      data-detail={settings.zoom !== null || settings.at !== null ? "" : undefined}
      onKeyDown={press}
    >
      {label === undefined ? null : <span className="chart-label">{label}</span>}
      <div ref={place} className="chart-plot" />
      <span ref={empty} className="chart-empty">
        {reading(metric)}
      </span>
      <span className="chart-badge" />
      <button type="button" className="chart-live" hidden onClick={() => changeView({ zoom: null })} />
      <span className="sr" role="status" />
    </div>
  );
}

function reading(metric: string): string {
  return `reading ${metric}…`;
}

/** Until a history came, nobody knows whether there are points: from then on an empty chart says that there are none. */
function knownIn(said: HTMLElement, metric: string, source: Source | null): Source | null {
  if (source !== null && said.textContent === reading(metric)) said.textContent = `no ${metric} yet`;
  return source;
}

interface Settled {
  settings: ChartSettings;
  resumed: readonly string[];
  startOf(runId: string): number;
}

/** What the chart draws; the same objects until something of it changes. */
function useSettings({ runs, metric, window, logScale = false }: MetricsChartProps): Settled {
  const known = useRunFacts();
  const { colourOf, dashOf, selected } = useSelection();
  const xAxis = useViewPart("xAxis");
  const smoothing = useViewPart("smoothing");
  const zoom = useViewPart("zoom");
  const at = useViewPart("at");
  const zone = usePreferences((preferences) => preferences.zone);
  const marks = useMarks(runs.length > 0 ? selected : null);
  const drawn = known.filter((run) => runs.includes(run.id));
  const resumed = drawn.filter((run) => run.attempt > 1).map((run) => run.id);
  const line = (runId: string, ghost: boolean): Line => {
    const run = drawn.find((each) => each.id === runId);
    const failed = run?.status === "failed" || run?.status === "crashed";
    const look = { colour: colourOf(runId), dash: ghost ? GHOST_DASH : dashOf(runId) };
    return { runId, name: run?.name ?? runId, failed, ...look, ...(ghost ? { ghost } : {}) };
  };
  const lines = [...runs.map((id) => line(id, false)), ...resumed.map((id) => line(id, true))];
  const text = JSON.stringify(lines);
  const settings = useMemo(
    (): ChartSettings => ({
      metric,
      window,
      logScale,
      xKind: kindOf(xAxis),
      zone: zone === "UTC" ? "UTC" : undefined,
      smoothing,
      zoom,
      at,
      marks,
      lines: JSON.parse(text),
    }),
    [metric, window, logScale, xAxis, zone, smoothing, zoom, at, marks, text],
  );
  return { settings, resumed, startOf: (runId) => startOf(drawn.find((run) => run.id === runId)) };
}

const GHOST_DASH = [2, 4];

function kindOf(axis: XAxis): XKind {
  return typeof axis === "string" ? axis : "metric";
}

function startOf(run: Run | undefined): number {
  return run === undefined ? 0 : Date.parse(run.start_time ?? run.created_at) / 1000;
}

/** What the address of the page says: `#/runs/<id>?cmp=…&w=1000&x=time&ema=0.9…`. Every view is a link. */

import type { ChartWindow } from "../charts/data";

export type { ChartWindow };

/** What a chart's x counts: steps, seconds since the run's start, the time of day, or the values of a metric. */
export type XAxis = "step" | "relative" | "wall" | { metric: string };

/** A stretch of x: steps, seconds since the start, or seconds since 1970, as the axis counts. */
export type Zoom = readonly [number, number];

export interface View {
  /** The selected run; null: whom the page chooses. */
  run: string | null;
  /** Runs drawn with it; null: whom the page chooses. */
  compared: readonly string[] | null;
  window: ChartWindow;
  xAxis: XAxis;
  /** Weight of what was before, 0 (none) to 0.999. */
  smoothing: number;
  /** A logarithmic y for all charts; null: each chart as it suits its values. */
  logScale: boolean | null;
  zoom: Zoom | null;
  /** Metrics chosen for a panel, by the panel's id: names and globs. */
  metrics: Readonly<Record<string, readonly string[]>>;
  /** Name of the saved layout; null: the default one. */
  layout: string | null;
  /** The panel that fills the screen. */
  maximised: string | null;
  /** Filter and order of the run list. */
  filter: string;
  sort: string;
  /** Order of the checkpoint table: a column, with `-` in front the largest first; empty: the newest first. */
  checkpoints: string;
  /** What the config panel shows: DIFF, FULL, ENV or LAST; null as it chooses. */
  tab: string | null;
  /** The run that config and values are held against; null: whom the page chooses. */
  against: string | null;
  /** Filter of the event log. */
  events: string;
  /** Where the crosshair stands: a step of the selected run. */
  at: number | null;
}

export const START: View = {
  run: null,
  compared: null,
  window: "all",
  xAxis: "step",
  smoothing: 0,
  logScale: null,
  zoom: null,
  metrics: {},
  layout: null,
  maximised: null,
  filter: "",
  sort: "",
  checkpoints: "",
  tab: null,
  against: null,
  events: "",
  at: null,
};

export const MAX_SMOOTHING = 0.999;
const PANEL_METRICS = /^m\.([a-z0-9-]+)$/;

/** Read a view from a fragment; what can't be read is as in `START`. */
export function parseAddress(fragment: string): View {
  const [path = "", query = ""] = fragment.replace(/^#/, "").split(/\?(.*)/s);
  const given = new URLSearchParams(query);
  const compared = given.get("cmp");
  return {
    run: runIn(path),
    compared: compared === null ? null : compared.split(",").filter((id) => id !== ""),
    window: windowIn(given.get("w")),
    xAxis: axisIn(given.get("x")),
    smoothing: smoothingIn(given.get("ema")),
    logScale: given.has("log") ? given.get("log") === "1" : null,
    zoom: zoomIn(given.get("zoom")),
    metrics: metricsIn(given),
    layout: given.get("layout"),
    maximised: given.get("max"),
    filter: given.get("q") ?? "",
    sort: given.get("sort") ?? "",
    checkpoints: given.get("ckpt") ?? "",
    tab: given.get("tab"),
    against: given.get("vs"),
    events: given.get("evt") ?? "",
    at: numberIn(given.get("at")),
  };
}

/** The fragment of a view, with what differs from `START` alone. */
export function formatAddress(view: View): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(partsOf(view))) if (value) query.set(name, value);
  // Said even when nobody is in it: the page would choose else.
  if (view.compared !== null) query.set("cmp", view.compared.join(","));
  for (const [panel, names] of Object.entries(view.metrics)) for (const name of names) query.append(`m.${panel}`, name);
  const path = view.run === null ? "/" : `/runs/${encodeURIComponent(view.run)}`;
  const text = query.toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

function partsOf(view: View): Record<string, string | null | false> {
  return {
    w: view.window !== "all" && String(view.window),
    x: view.xAxis !== "step" && axisText(view.xAxis),
    ema: view.smoothing > 0 && String(view.smoothing),
    log: view.logScale !== null && String(Number(view.logScale)),
    zoom: view.zoom?.join(",") ?? null,
    layout: view.layout,
    max: view.maximised,
    q: view.filter,
    sort: view.sort,
    ckpt: view.checkpoints,
    tab: view.tab,
    vs: view.against,
    evt: view.events,
    at: view.at !== null && String(view.at),
  };
}

function runIn(path: string): string | null {
  const found = /^\/?runs\/([^/]+)/.exec(path)?.[1];
  if (found === undefined) return null;
  try {
    return decodeURIComponent(found);
  } catch {
    return found;
  }
}

function windowIn(text: string | null): ChartWindow {
  return text === "100" ? 100 : text === "1000" ? 1000 : "all";
}

function axisIn(text: string | null): XAxis {
  if (text === "relative" || text === "wall") return text;
  return text?.startsWith("m:") ? { metric: text.slice(2) } : "step";
}

function axisText(axis: XAxis): string {
  return typeof axis === "string" ? axis : `m:${axis.metric}`;
}

function smoothingIn(text: string | null): number {
  const number = numberIn(text) ?? 0;
  return number > 0 && number < 1 ? Math.min(number, MAX_SMOOTHING) : 0;
}

function zoomIn(text: string | null): Zoom | null {
  const [low, high, ...rest] = (text ?? "").split(",").map((part) => numberIn(part));
  if (low == null || high == null || rest.length > 0 || low >= high) return null;
  return [low, high];
}

function numberIn(text: string | null): number | null {
  const number = text === null || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

function metricsIn(given: URLSearchParams): Record<string, string[]> {
  // No object: `constructor` is in each.
  const found = new Map<string, string[]>();
  for (const [name, value] of given) {
    const panel = PANEL_METRICS.exec(name)?.[1];
    if (panel === undefined || value === "") continue;
    found.set(panel, [...(found.get(panel) ?? []), value]);
  }
  return Object.fromEntries(found);
}

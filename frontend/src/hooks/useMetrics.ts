import { useCallback, useEffect, useMemo, useRef } from "react";
import { over, shifted } from "../charts/axis";
import type { Line } from "../charts/line";
import { BY_STEP, byMetric, byTime, NOWHERE, type Places } from "../charts/places";
import type { Exact } from "../charts/readings";
import type { Shown, Source } from "../charts/source";
import { isCoarse, isCoarseAt, spliced } from "../live/details";
import type { Feed } from "../live/feed";
import type { Drawable } from "../live/scheduler";
import type { Columns, Series } from "../live/series";
import type { Axis } from "../live/store";
import type { XAxis } from "../state/address";
import { useLive } from "./LiveProvider";

export interface MetricsQuery {
  runs: readonly string[];
  metric: string;
  xAxis: XAxis;
  /** When a run started, in seconds since 1970: where its relative time begins. */
  startOf(runId: string): number;
  /** Runs that were taken up again, so that they may have left something behind. */
  resumed: readonly string[];
}

/** Access to the points of a metric, which never pass through React. */
export interface MetricsHandle {
  sourceOf(line: Line, shown: Shown | null): Source | null;
  /** Where the steps of the first run stand on the axis. */
  places(): Places;
  /** Values at a step by run, where the courses are coarser; null until they were read. */
  exactAt(step: number): Exact | null;
  /** Have it drawn in one of the next frames, and again whenever points come. */
  attach(chart: Drawable): () => void;
  mark(chart: Drawable): void;
  /** A frame with the newest points of all runs was drawn. */
  drawn(): void;
}

/** Buckets of what a resumed run left behind. */
const GHOST_POINTS = 500;

/** What is drawn of the runs: a metric over steps, over time, or over another metric of the same run. */
interface Held {
  feed: Feed;
  /** Ids of the runs, line by line. */
  ids: string;
  metric: string;
  axis: Axis;
  other: string | null;
}

interface Charted extends Held {
  /** Where the axis of a run begins. */
  startOf(runId: string): number;
}

/** Holds the points of a metric of some runs while the component lives; points come by push. */
export function useMetrics({ runs, metric, xAxis, startOf, resumed }: MetricsQuery): MetricsHandle {
  const { feed } = useLive();
  const charts = useRef(new Set<Drawable>());
  const starts = useRef(startOf);
  starts.current = startOf;
  const ids = runs.join("\n");
  const axis: Axis = xAxis === "relative" || xAxis === "wall" ? "time" : "step";
  const other = typeof xAxis === "string" ? null : xAxis.metric;
  const changed = useCallback(() => {
    for (const chart of charts.current) feed.scheduler.mark(chart);
  }, [feed]);
  useEffect(() => hold({ feed, ids, metric, axis, other }, changed), [feed, ids, metric, axis, other, changed]);
  const charted = useMemo((): Charted => {
    const startOf = (runId: string) => (xAxis === "relative" ? starts.current(runId) : 0);
    return { feed, ids, metric, axis, other, startOf };
  }, [feed, ids, metric, axis, other, xAxis]);
  const ghosts = useGhosts(charted, resumed, changed);
  const exactAt = useExact(feed, ids, metric, changed);
  return useMemo(
    () => ({
      sourceOf: (line, shown) => sourceOf(charted, ghosts, line, shown),
      places: () => placesOf(charted),
      exactAt,
      drawn: () => feed.lag.drawn(list(ids), Date.now()),
      mark: (chart) => feed.scheduler.mark(chart),
      attach: (chart) => {
        charts.current.add(chart);
        feed.scheduler.mark(chart);
        return () => {
          charts.current.delete(chart);
          feed.scheduler.forget(chart);
        };
      },
    }),
    [feed, ids, charted, ghosts, exactAt],
  );
}

/** Have the store keep what is drawn, until the result is called. */
function hold({ feed, ids, metric, axis, other }: Held, changed: () => void): () => void {
  const ends = list(ids).map((runId) => feed.store.hold(runId, metric, changed, axis));
  if (other !== null) ends.push(...list(ids).map((runId) => feed.store.hold(runId, other, changed)));
  // Times alone can't tell where a step was.
  const [first] = list(ids);
  if (axis === "time" && first !== undefined) ends.push(feed.store.hold(first, metric, changed));
  changed();
  return () => {
    for (const end of ends) end();
  };
}

function sourceOf(
  charted: Charted,
  ghosts: ReadonlyMap<string, Series>,
  { runId, ghost }: Line,
  shown: Shown | null,
): Source | null {
  const { feed, metric, axis, other } = charted;
  const by = charted.startOf(runId);
  if (ghost) return other === null ? leftBehind(ghosts.get(runId), by) : null;
  const series = feed.store.series(runId, metric, axis);
  if (series === null) return null;
  const step = lastStepOf(feed, runId, metric, series, axis);
  if (other !== null) return along(series, feed.store.series(runId, other), step);
  const course = series.view();
  const shownCourse = finer(charted, runId, series, course, shown);
  return sourceFrom(series, shifted(shownCourse, by), by, step, shownCourse === course);
}

function placesOf({ feed, ids, metric, axis, other, startOf }: Charted): Places {
  const [first] = list(ids);
  if (first === undefined || (axis === "step" && other === null)) return BY_STEP;
  const steps = feed.store.series(first, other ?? metric)?.view();
  if (steps === undefined) return NOWHERE;
  if (other !== null) return byMetric(steps);
  const times = feed.store.series(first, metric, "time")?.view();
  return times === undefined ? NOWHERE : byTime(steps, times, startOf(first));
}

/** On an axis of time the series knows no steps. */
function lastStepOf(feed: Feed, runId: string, metric: string, series: Series, axis: Axis): number | null {
  return axis === "step" ? series.lastStep : feed.latest.value(runId, metric).step;
}

function leftBehind(series: Series | undefined, by: number): Source | null {
  return series === undefined ? null : sourceFrom(series, shifted(series.view(), by), by, null);
}

/** Over another metric: what was not finite has no place there. */
function along(series: Series, metric: Series | null, lastStep: number | null): Source | null {
  return metric && { ...sourceFrom(series, over(series.view(), metric), 0, lastStep, false), odd: [] };
}

/** The course with the stretch that is shown at the grain of the screen, as far as it was read. */
function finer(
  { feed, metric, axis, startOf }: Charted,
  runId: string,
  series: Series,
  course: Columns,
  shown: Shown | null,
): Columns {
  if (shown === null) return course;
  const by = startOf(runId);
  const range = [shown.range[0] + by, shown.range[1] + by] as const;
  if (!isCoarse(course, range)) return course;
  const whole = { end: course.x[course.x.length - 1] ?? 0, points: series.points };
  const detail = feed.details.find(runId, metric, axis, range, shown.buckets, whole);
  return detail === null ? course : spliced(course, detail.view());
}

function sourceFrom(
  series: Series,
  course: Source["course"],
  by: number,
  lastStep: number | null,
  grows = true,
): Source {
  const odd = by === 0 ? series.nonfinite : series.nonfinite.map((x) => x - by);
  const revision = grows ? `${series.id} ${series.revision} ${by}` : null;
  return { course, revision, odd, lastValue: series.lastValue, lastStep, points: series.points };
}

/** Reads what resumed runs left behind: it does not change any more until the next time. */
function useGhosts(
  { feed, metric, axis }: Charted,
  runs: readonly string[],
  changed: () => void,
): ReadonlyMap<string, Series> {
  const ghosts = useRef(new Map<string, Series>()).current;
  const ids = runs.join("\n");
  useEffect(() => {
    let ended = false;
    ghosts.clear();
    for (const runId of list(ids)) {
      void feed.readStretch(runId, metric, { axis, superseded: true }, GHOST_POINTS).then((series) => {
        if (ended || series.length === 0) return;
        ghosts.set(runId, series);
        changed();
      });
    }
    return () => {
      ended = true;
    };
  }, [feed, ids, metric, axis, ghosts, changed]);
  return ghosts;
}

/** Reads what the runs had at a step, for those of which only coarser entries are at hand there. */
function useExact(feed: Feed, ids: string, metric: string, changed: () => void): MetricsHandle["exactAt"] {
  const known = useRef<{ about: string; values: Exact | null } | null>(null);
  return useCallback(
    (step) => {
      const coarse = list(ids).filter((runId) => isCoarseAt(feed.store.series(runId, metric), step));
      if (coarse.length === 0) return null;
      const about = [step, metric, ...coarse].join("\n");
      if (known.current?.about !== about) {
        known.current = { about, values: null };
        void feed.readStep(coarse, metric, step).then((values) => {
          if (known.current?.about !== about) return;
          known.current = { about, values };
          changed();
        });
      }
      return known.current?.values ?? null;
    },
    [feed, ids, metric, changed],
  );
}

function list(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

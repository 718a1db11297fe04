import { toNumber, value } from "../../lib/format";
import { mainMetric } from "../../lib/pick";
import type { Run } from "../../services/types";
import { brief } from "./progress";

const LONGEST = 60;

/** How soon somebody has to look at a run, the lowest first. */
export const FAILED = 0;
const SILENT = 1;
const DIVERGED = 2;
/** It failed so long ago that somebody knows by now. */
export const FAILED_BEFORE = 3;
const NO_HURRY = 4;
const DAY_MS = 86_400_000;

// Asked of thousands of runs each second, which log the same few sets of metrics.
const known = new WeakMap<Run["summary"], string | null>();
const bySet = new Map<string, string | null>();
const MAX_SETS = 1000;

/** The metric that tells best how a run does, of those that the server told of with it. */
export function mainOf({ summary }: Pick<Run, "summary">): string | null {
  const found = known.get(summary);
  if (found !== undefined) return found;
  const metric = mainOfSet(Object.keys(summary));
  known.set(summary, metric);
  return metric;
}

function mainOfSet(names: readonly string[]): string | null {
  const key = names.join("\n");
  const found = bySet.get(key);
  if (found !== undefined) return found;
  if (bySet.size >= MAX_SETS) bySet.clear();
  const metric = mainMetric(names);
  bySet.set(key, metric);
  return metric;
}

/** The last value of that metric; null without one. */
export function mainValue(run: Pick<Run, "summary">): number | null {
  const metric = mainOf(run);
  return metric === null ? null : toNumber(run.summary[metric]?.last);
}

/** It failed today, is silent while it should run, its main value is no number any more, it failed before, no hurry. */
export function urgencyOf(run: Run, now: number): number {
  if (run.status === "failed" || run.status === "crashed") {
    const ended = Date.parse(run.end_time ?? run.last_time ?? run.updated_at);
    return now - ended < DAY_MS ? FAILED : FAILED_BEFORE;
  }
  if (run.status === "running" && run.health !== "ok") return SILENT;
  const main = mainValue(run);
  return main === null || Number.isFinite(main) ? NO_HURRY : DIVERGED;
}

/** Why a run needs somebody, in a few words: `FAILED FloatingPointError`, `STALLED 3m`; null when it does not. */
export function reasonOf(run: Run, now: number): string | null {
  switch (urgencyOf(run, now)) {
    case FAILED:
    case FAILED_BEFORE:
      return [run.status.toUpperCase(), cause(run.reason)].join(" ").trim();
    case SILENT:
      return [run.health === "stalled" ? "STALLED" : "LOST", silence(run.last_time, now)].join(" ").trim();
    case DIVERGED:
      return `${mainOf(run)} ${value(mainValue(run))}`;
    default:
      return null;
  }
}

/** What the run itself gave as its reason, cut to a line. */
function cause(reason: string | null): string {
  const line = reason?.split("\n")[0]?.trim() ?? "";
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/** For how long a run has said nothing: `3m`. */
function silence(lastTime: string | null, now: number): string {
  const since = lastTime === null ? Number.NaN : now - Date.parse(lastTime);
  return Number.isFinite(since) ? brief(since / 1000) : "";
}

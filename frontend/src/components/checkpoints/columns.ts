import { toNumber } from "../../lib/format";
import { goalOf } from "../../lib/goal";
import { isGlob, meant } from "../../lib/patterns";
import { lossTabs } from "../../lib/pick";
import type { Checkpoint, Value } from "../../services/types";

const MAX_METRICS = 3;

/** All metrics that checkpoints were saved with: losses first, then what is like one, scores, and the others. */
export function metricNames(checkpoints: readonly Checkpoint[]): string[] {
  const names = new Set(checkpoints.flatMap((checkpoint) => Object.keys(checkpoint.metrics)));
  const first = lossTabs([...names]).flatMap((tab) => tab.metrics);
  const losses = [...names].filter((name) => /loss/i.test(name));
  return [...new Set([...first.filter((name) => losses.includes(name)), ...losses, ...first, ...names])];
}

/** The metrics that get a column: those chosen, by name or glob; without any that there is, the first three. */
export function metricColumns(checkpoints: readonly Checkpoint[], chosen: readonly string[] = []): string[] {
  const names = metricNames(checkpoints);
  const found = chosen.flatMap((each) => (isGlob(each) ? meant(names, [each]) : names.filter((name) => name === each)));
  if (found.length > 0) return [...new Set(found)];
  return names.slice(0, MAX_METRICS);
}

/** A checkpoint's metric as a number; null when it has none of that name. */
export function metricOf(checkpoint: Checkpoint, name: string | undefined): number | null {
  const raw = name === undefined ? undefined : checkpoint.metrics[name];
  return typeof raw === "number" || typeof raw === "string" ? toNumber(raw as Value) : null;
}

/** The checkpoint that the others are held against: the marked one, else the best by the metric's direction. */
export function bestOf(checkpoints: readonly Checkpoint[], metric: string | undefined): Checkpoint | null {
  const marked = checkpoints.find((checkpoint) => checkpoint.is_best);
  if (marked || metric === undefined) return marked ?? null;
  const goal = goalOf(metric);
  if (goal === null) return null;
  const finite = checkpoints.filter((checkpoint) => Number.isFinite(metricOf(checkpoint, metric) ?? Number.NaN));
  const better = (left: Checkpoint, right: Checkpoint) => {
    const difference = (metricOf(left, metric) as number) - (metricOf(right, metric) as number);
    return (goal === "min" ? difference <= 0 : difference >= 0) ? left : right;
  };
  return finite.length === 0 ? null : finite.reduce(better);
}

export interface Sort {
  column: string;
  descending: boolean;
}

/** The newest first, as the server tells them. */
export const NEWEST: Sort = { column: "id", descending: true };

/** The columns that are there whatever the metrics are. */
const ALWAYS: readonly string[] = ["id", "step", "size", "sha256", "verdict", "created"];

/** Read `View.checkpoints`; what is no column is the newest first. */
export function sortIn(text: string): Sort {
  const descending = text.startsWith("-");
  const column = text.slice(Number(descending));
  return ALWAYS.includes(column) || column.startsWith("metric:") ? { column, descending } : NEWEST;
}

/**
 * What a press on a heading makes of the order, as `View.checkpoints` has it. Another column starts descending, as the
 * newest and the largest are looked for most; the same one turns round.
 */
export function nextSort(text: string, column: string): string {
  const before = sortIn(text);
  const descending = before.column === column ? !before.descending : true;
  return column === NEWEST.column && descending ? "" : `${descending ? "-" : ""}${column}`;
}

type Key = string | number | null;

/** What a column sorts by. `metric:NAME` is a metric. */
function keyOf(checkpoint: Checkpoint, column: string): Key {
  if (column.startsWith("metric:")) return metricOf(checkpoint, column.slice("metric:".length));
  switch (column) {
    case "id":
      return checkpoint.number;
    case "step":
      return checkpoint.step;
    case "size":
      return checkpoint.size;
    case "sha256":
      return checkpoint.sha256;
    case "verdict":
      return checkpoint.verdict;
    default:
      return checkpoint.created_at;
  }
}

/** Sorted by a column; what has no value there, or NaN, comes last either way. */
export function sorted(checkpoints: readonly Checkpoint[], { column, descending }: Sort): Checkpoint[] {
  const keyed = checkpoints.map((checkpoint) => ({ checkpoint, key: keyOf(checkpoint, column) }));
  const rank = ({ key }: { key: Key }) => (key === null || Number.isNaN(key) ? 1 : 0);
  keyed.sort((left, right) => {
    const missing = rank(left) - rank(right);
    if (missing !== 0 || rank(left) === 1) return missing || right.checkpoint.number - left.checkpoint.number;
    const order = left.key === right.key ? 0 : (left.key as string) < (right.key as string) ? -1 : 1;
    return (descending ? -order : order) || right.checkpoint.number - left.checkpoint.number;
  });
  return keyed.map(({ checkpoint }) => checkpoint);
}

/** `ckpt_0003`: a checkpoint's number in its run. */
export function nameOf(checkpoint: Checkpoint): string {
  return `ckpt_${String(checkpoint.number).padStart(4, "0")}`;
}

/** `9f3c…e1a0` */
export function shortHash(hash: string): string {
  return `${hash.slice(0, 4)}…${hash.slice(-4)}`;
}

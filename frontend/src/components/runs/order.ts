import type { Run } from "../../services/types";
import { FAILED, FAILED_BEFORE, mainValue, urgencyOf } from "./attention";
import { elapsedSeconds } from "./progress";

export const COLUMNS = ["number", "name", "status", "step", "loss", "age", "attention"] as const;

export type Column = (typeof COLUMNS)[number];

export interface Order {
  by: Column;
  /** The largest first. */
  descending: boolean;
}

/** The newest first, as the server tells them. */
export const NEWEST: Order = { by: "number", descending: true };

/** Of these columns one looks for the largest first. */
const LARGEST_FIRST: readonly Column[] = ["number", "step"];

/** Read `View.sort`: a column, with `-` in front the largest first; what is no column is the newest first. */
export function orderIn(text: string): Order {
  const descending = text.startsWith("-");
  const by = COLUMNS.find((column) => column === text.slice(Number(descending)));
  return by === undefined ? NEWEST : { by, descending };
}

/** What a press on a heading makes of the order, as `View.sort` has it: that column, the other way, then as it was. */
export function nextSort(sort: string, column: Column): string {
  const { by, descending } = orderIn(sort);
  const first = LARGEST_FIRST.includes(column);
  if (by !== column) return written(column, first);
  return descending === first ? written(column, !first) : "";
}

function written(by: Column, descending: boolean): string {
  return by === NEWEST.by && descending ? "" : `${descending ? "-" : ""}${by}`;
}

/** Runs that are told the newest first, in another order; those that say nothing about it stay at the end. */
export function ordered(runs: readonly Run[], { by, descending }: Order, now: number): readonly Run[] {
  if (by === "number") return descending ? runs : runs.toReversed();
  const keyed = runs.map((run) => ({ run, key: keyOf(run, by, now) }));
  const sign = descending ? -1 : 1;
  keyed.sort((left, right) => {
    if (left.key === null || right.key === null) return Number(left.key === null) - Number(right.key === null);
    const failed = by === "attention" && (left.key === FAILED || left.key === FAILED_BEFORE);
    return sign * (compared(left.key, right.key) || (failed ? byEnd(left.run, right.run) : 0));
  });
  return keyed.map(({ run }) => run);
}

const STATUSES: readonly Run["status"][] = ["running", "failed", "crashed", "interrupted", "completed"];
const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function keyOf(run: Run, by: Column, now: number): string | number | null {
  switch (by) {
    case "name":
      return run.name;
    case "status":
      return STATUSES.indexOf(run.status);
    case "step":
      return run.step;
    case "loss":
      return mainNumber(run);
    case "age":
      return ageKey(run, now);
    case "attention":
      return urgencyOf(run, now);
    default:
      return run.number;
  }
}

/** NaN is after everything that can be compared. */
function mainNumber(run: Run): number | null {
  const value = mainValue(run);
  return value === null || Number.isNaN(value) ? null : value;
}

/** As the column shows it: seconds since the newest point of what runs, then how long the others took. */
function ageKey(run: Run, now: number): number | null {
  if (run.status !== "running") return AFTER_RUNNING + (elapsedSeconds(run, now) ?? 0);
  return run.last_time === null ? null : (now - Date.parse(run.last_time)) / 1000;
}

const AFTER_RUNNING = 1e12;

function compared(left: string | number, right: string | number): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return names.compare(String(left), String(right));
}

/** The newest end first. */
function byEnd(left: Run, right: Run): number {
  const [first, second] = [left.end_time ?? "", right.end_time ?? ""];
  return first === second ? 0 : first < second ? 1 : -1;
}

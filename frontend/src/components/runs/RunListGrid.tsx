import { type CSSProperties, type KeyboardEvent, useMemo, useRef } from "react";
import type { Selection } from "../../hooks/useSelection";
import { isLossLike } from "../../lib/pick";
import type { Run } from "../../services/types";
import { useMedia } from "../layout/useMedia";
import table from "../ui/Table.module.css";
import { type RowKeys, useRowKeys } from "../ui/useRowKeys";
import { useRows } from "../ui/useRows";
import { mainOf, reasonOf } from "./attention";
import { orderIn } from "./order";
import styles from "./RunList.module.css";
import { RunListHeading } from "./RunListHeading";
import { type RowActions, RunRow } from "./RunRow";
import type { Marks } from "./useMarks";
import { type Start, useStart } from "./useStart";

interface RunListGridProps {
  runs: readonly Run[];
  /** As they were up to a second ago. */
  settled: readonly Run[];
  ids: readonly string[];
  /** `View.sort`. */
  sort: string;
  selection: Selection;
  marks: Marks;
  ageOf(runId: string): number | null;
  /** A letter on a row; returns whether it was used. */
  onLetter(key: string, id: string): boolean;
}

/** Here the time left has place beside the step. */
const WIDE = "(min-width: 1700px)";
const NO_DASH: readonly number[] = [];

/** The rows of the run list, of which only those that can be seen are drawn. */
export function RunListGrid({ runs, settled, ids, sort, selection, marks, ageOf, onLetter }: RunListGridProps) {
  const { scroll, rows } = useRows<HTMLDivElement>(runs.length);
  const heading = useMemo(() => valueHeading(settled), [settled]);
  const start = useStart(ids, selection.selected, scroll);
  const keys = useRowKeys({
    ids,
    start: start.id,
    scrollTo: (index) => rows.scrollToIndex(index),
    open: selection.select,
    other: (key, id) => markKey(key, id, marks) || onLetter(key, id),
  });
  start.at(keys.current);
  const act = useRowActions({ selection, marks, keys, start });
  const attention = orderIn(sort).by === "attention";
  const wide = useMedia(WIDE);
  const now = Date.now();
  return (
    <div
      className={`${table.table} ${styles.runs} ${attention ? styles.attention : ""}`}
      role="grid"
      aria-label="Runs"
      aria-rowcount={runs.length + 1}
      aria-multiselectable="false"
      data-detail={marks.ids.size > 0 || undefined}
      style={numberWidth(runs)}
    >
      <div role="rowgroup">
        <RunListHeading value={heading} sort={sort} reasons={attention} />
      </div>
      <div
        className={table.scroll}
        ref={scroll}
        role="rowgroup"
        {...keys.box(rows.getVirtualItems())}
        onKeyDown={(event) => {
          extend(event, { ids, current: rowAt(event.target) ?? keys.current, marks });
          keys.onKeyDown(event);
        }}
      >
        <div className={table.space} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start: top }) => {
            const run = runs[index] as Run;
            const drawn = selection.compared.includes(run.id);
            return (
              <RunRow
                key={run.id}
                run={run}
                index={index}
                top={top}
                current={keys.current === run.id}
                selected={selection.selected === run.id}
                marked={marks.ids.has(run.id)}
                colour={drawn ? selection.colourOf(run.id) : null}
                dash={drawn ? selection.dashOf(run.id) : NO_DASH}
                age={run.status === "running" ? ageOf(run.id) : null}
                reason={attention ? reasonOf(run, now) : undefined}
                wide={wide}
                act={act}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface Given {
  selection: Selection;
  marks: Marks;
  keys: RowKeys;
  start: Start;
}

/** What rows can do, as one object that stays while what is behind it changes. */
function useRowActions(given: Given): RowActions {
  const now = useRef(given);
  now.current = given;
  return useMemo(
    () => ({
      select: (id) => now.current.selection.select(id),
      toggleCompare: (id) => now.current.selection.toggleCompare(id),
      mark: (id) => now.current.marks.toggle(id),
      markTo: (id) => now.current.marks.extend(now.current.keys.current ?? id, id),
      focused: (id) => {
        now.current.start.focused(id);
        now.current.keys.onFocus(id);
      },
      rowRef: (id) => now.current.keys.rowRef(id),
    }),
    [],
  );
}

/** Space marks the row, Esc unmarks all. */
function markKey(key: string, id: string, marks: Marks): boolean {
  if (key === " ") marks.toggle(id);
  else if (key === "Escape" && marks.ids.size > 0) marks.clear();
  else return false;
  return true;
}

const DOWN: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

/** Shift with an arrow marks the way that the key walks; Ctrl+A marks all rows. */
function extend(
  event: KeyboardEvent,
  { ids, current, marks }: { ids: readonly string[]; current: string | null; marks: Marks },
): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
    event.preventDefault();
    marks.all();
    return;
  }
  const by = DOWN[event.key];
  if (by === undefined || current === null) return;
  if (!event.shiftKey) {
    marks.rest();
    return;
  }
  const target = ids[Math.min(ids.length - 1, Math.max(0, ids.indexOf(current) + by))];
  if (target !== undefined) marks.extend(current, target);
}

function rowAt(target: EventTarget): string | null {
  return (target as Element).closest("[data-run-id]")?.getAttribute("data-run-id") ?? null;
}

/** What the column of values may be called, when each run shows the metric that tells most about it. */
function valueHeading(runs: readonly Run[]): string {
  const metrics = new Set(runs.map(mainOf));
  metrics.delete(null);
  return metrics.size > 0 && [...metrics].every((name) => name === null || isLossLike(name)) ? "LOSS" : "LAST";
}

/** Tells the style sheet how many digits the largest number has. */
function numberWidth(runs: readonly Run[]): CSSProperties {
  const largest = Math.max(99, runs[0]?.number ?? 0, runs.at(-1)?.number ?? 0);
  return { "--digits": String(largest).length } as CSSProperties;
}

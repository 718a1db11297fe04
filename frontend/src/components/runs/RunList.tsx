import { type ReactNode, useMemo, useState } from "react";
import type { Selection } from "../../hooks/useSelection";
import { isLossLike, mainMetric } from "../../lib/pick";
import type { Run, RunState } from "../../services/types";
import { Icon } from "../ui/Icon";
import { Skeleton } from "../ui/Skeleton";
import table from "../ui/Table.module.css";
import { useRowKeys } from "../ui/useRowKeys";
import { rowCount, useRows } from "../ui/useRows";
import styles from "./RunList.module.css";
import { RunRow } from "./RunRow";
import { lookOf } from "./RunStatus";

const ALL = "ALL";
const LIVE = "LIVE";

interface RunListProps {
  runs: readonly Run[];
  counts: Readonly<Record<string, number>>;
  loading: boolean;
  error: string | null;
  selection: Selection;
  /** Milliseconds since the newest point of a run. */
  ageOf(runId: string): number | null;
  frame(about: ReactNode, controls: ReactNode, body: ReactNode): ReactNode;
}

/** All runs, newest first, each with what matters about it now. */
export function RunList({ runs, counts, loading, error, selection, ageOf, frame }: RunListProps) {
  const [filter, setFilter] = useState(ALL);
  const shown = useMemo(
    () => (filter === LIVE ? runs.filter((run) => run.status === "running") : runs),
    [runs, filter],
  );
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return frame(
    <span className="dim">{total}</span>,
    <>
      <Counts counts={counts} />
      <fieldset className="seg" aria-label="Which runs">
        {[ALL, LIVE].map((name) => (
          <button key={name} type="button" aria-pressed={filter === name} onClick={() => setFilter(name)}>
            {name}
          </button>
        ))}
      </fieldset>
    </>,
    <Body loading={loading} error={error} empty={shown.length === 0} live={filter === LIVE}>
      <Grid runs={shown} selection={selection} ageOf={ageOf} />
    </Body>,
  );
}

interface BodyProps {
  loading: boolean;
  error: string | null;
  empty: boolean;
  live: boolean;
  children: ReactNode;
}

function Body({ loading, error, empty, live, children }: BodyProps) {
  if (loading) return <Skeleton rows={10} label="runs" />;
  if (error !== null && empty) return <p className="empty bad">{error}</p>;
  if (empty) return <p className="empty">{live ? "No run is running." : "No run yet."}</p>;
  return children;
}

const COUNTED: readonly RunState[] = ["running", "completed", "failed", "crashed", "interrupted"];

function Counts({ counts }: { counts: Readonly<Record<string, number>> }) {
  return COUNTED.filter((status) => (counts[status] ?? 0) > 0).map((status) => (
    <span key={status} className={lookOf(status).tone} title={status}>
      <Icon name={lookOf(status).icon} /> {counts[status]}
      <span className="sr"> {status}</span>
    </span>
  ));
}

interface GridProps {
  runs: readonly Run[];
  selection: Selection;
  ageOf(runId: string): number | null;
}

function Grid({ runs, selection, ageOf }: GridProps) {
  const { scroll, rows } = useRows<HTMLDivElement>(runs.length);
  const ids = useMemo(() => runs.map((run) => run.id), [runs]);
  const heading = useMemo(() => valueHeading(runs), [runs]);
  const keys = useRowKeys({
    ids,
    start: selection.selected,
    scrollTo: (index) => rows.scrollToIndex(index),
    open: selection.select,
    other(key, id) {
      if (key !== "c" && key !== " ") return false;
      if (id !== selection.selected) selection.toggleCompare(id);
      return true;
    },
  });
  return (
    <div
      className={`${table.table} ${styles.runs}`}
      role="grid"
      aria-label="Runs"
      aria-rowcount={runs.length + 1}
      style={rowCount(runs.length)}
    >
      <div role="rowgroup">
        <Heading value={heading} />
      </div>
      <div className={table.scroll} ref={scroll} role="rowgroup" onKeyDown={keys.onKeyDown}>
        <div className={table.space} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const run = runs[index] as Run;
            return (
              <RunRow
                key={run.id}
                ref={keys.rowRef(run.id)}
                run={run}
                index={index}
                top={start}
                current={keys.current === run.id}
                selection={selection}
                age={run.status === "running" ? ageOf(run.id) : null}
                onFocus={keys.onFocus}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Heading({ value }: { value: string }) {
  return (
    <div className={table.head} role="row" aria-rowindex={1}>
      <span role="columnheader" className="number">
        #
      </span>
      <span role="columnheader" className={styles.swatch}>
        <span className="sr">Line in the charts</span>
      </span>
      <span role="columnheader">NAME</span>
      <span role="columnheader">STATUS</span>
      <span role="columnheader" className={`number ${styles.step}`}>
        STEP
      </span>
      <span role="columnheader" className="number">
        {value}
      </span>
      <span role="columnheader" className={`number ${styles.change}`} title="Change over the last 100 steps">
        CHG 100
      </span>
      <span role="columnheader" className={styles.trend}>
        TREND
      </span>
      <span
        role="columnheader"
        className={`number ${styles.age}`}
        title="A running run: age of its newest point. An ended one: how long it took"
      >
        AGE
      </span>
    </div>
  );
}

/** What the column of values may be called, when each run shows the metric that tells most about it. */
function valueHeading(runs: readonly Run[]): string {
  const metrics = runs.map((run) => mainMetric(Object.keys(run.summary))).filter((name) => name !== null);
  return metrics.length > 0 && metrics.every(isLossLike) ? "LOSS" : "LAST";
}

import { type MouseEvent, memo, useCallback } from "react";
import { useChange, useTrend } from "../../hooks/useLiveValue";
import { age as ageText, duration, short, step as stepText, value } from "../../lib/format";
import type { Run } from "../../services/types";
import { theme } from "../../styles/theme";
import { Badge } from "../ui/Badge";
import { Change } from "../ui/Change";
import { Icon } from "../ui/Icon";
import { Spark } from "../ui/Spark";
import { Swatch } from "../ui/Swatch";
import table from "../ui/Table.module.css";
import { brief, elapsedSeconds, fraction, secondsLeft } from "./progress";
import styles from "./RunList.module.css";
import { RunStatus } from "./RunStatus";
import { Tags } from "./Tags";
import { useRunLine } from "./useRunLine";

const TREND_VALUES = 31;
const CHANGE_STEPS = 100;

/** What can be done to rows; always the same object, so that a row is drawn again only when it changed itself. */
export interface RowActions {
  select(id: string): void;
  toggleCompare(id: string): void;
  mark(id: string): void;
  /** Mark all rows from the current one to this one. */
  markTo(id: string): void;
  focused(id: string): void;
  rowRef(id: string): (element: HTMLElement | null) => void;
}

interface RunRowProps {
  run: Run;
  index: number;
  top: number;
  /** The row that Tab reaches. */
  current: boolean;
  selected: boolean;
  marked: boolean;
  /** Colour and dashes of its line in the charts; null when it is not drawn. */
  colour: string | null;
  dash: readonly number[];
  /** Milliseconds since the newest point; null for a run that ended. */
  age: number | null;
  /** Why it needs somebody, which takes the place of its course; undefined where the list is in another order. */
  reason: string | null | undefined;
  /** There is place for the time left beside the step. */
  wide: boolean;
  act: RowActions;
}

export const RunRow = memo(function RunRow(props: RunRowProps) {
  const { run, index, top, current, selected, marked, colour, dash, age, reason, wide, act } = props;
  const line = useRunLine(run);
  const left = secondsLeft(run, line.step, Date.now());
  const far =
    left === null ? null : `step ${stepText(line.step)} of ${stepText(run.total_steps)}, ETA ${duration(left)}`;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
    <div
      ref={useCallback((element: HTMLElement | null) => act.rowRef(run.id)(element), [act, run.id])}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      tabIndex={current ? 0 : -1}
      title={titleOf(run, reason, far)}
      data-run-id={run.id}
      data-even={index % 2 === 1 || undefined}
      data-focus={current || undefined}
      data-marked={marked || undefined}
      className={table.row}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(event) => click(event, run.id, act)}
      onFocus={() => act.focused(run.id)}
    >
      <Gutter run={run} marked={marked} act={act} />
      <span role="gridcell" className={styles.swatch}>
        <Charted run={run} colour={colour} dash={dash} fixed={selected} act={act} />
      </span>
      <span role="gridcell" className={selected ? styles.chosen : undefined}>
        {run.name}
        {run.tags.length > 0 && (
          <span className={styles.tags}>
            <Tags tags={run.tags} />
          </span>
        )}
      </span>
      <span role="gridcell">
        <RunStatus status={run.status} />
        {reason && <span className={`warning ${styles.why}`}> {withoutStatus(reason, run)}</span>}
      </span>
      <Progress step={line.step} total={run.total_steps} left={wide ? left : null} />
      <span role="gridcell" className="number value" title={line.metric ?? undefined}>
        {value(line.value)}
      </span>
      {reason === undefined && <Course run={run} metric={line.metric} />}
      <span role="gridcell" className={`number dim ${styles.age}`}>
        <Age run={run} age={age} />
      </span>
    </div>
  );
});

function click(event: MouseEvent, id: string, act: RowActions): void {
  if (event.shiftKey) act.markTo(id);
  else if (event.ctrlKey || event.metaKey) act.mark(id);
  else act.select(id);
}

/** The status stands before it. */
function withoutStatus(reason: string, run: Run): string {
  const status = run.status.toUpperCase();
  return reason.startsWith(status) ? reason.slice(status.length).trim() : reason;
}

function titleOf(run: Run, reason: string | null | undefined, far: string | null): string {
  const parts = [`R${run.number} ${run.name}`, reason, far];
  return [...parts, run.tags.map((tag) => `#${tag}`).join(" ")].filter(Boolean).join(" · ");
}

/** The run's number; a press marks the row. */
function Gutter({ run, marked, act }: { run: Run; marked: boolean; act: RowActions }) {
  return (
    <span role="gridcell" className="number dim">
      <button
        type="button"
        tabIndex={-1}
        className={styles.mark}
        aria-pressed={marked}
        aria-label={`Mark R${run.number}`}
        onClick={(event) => {
          event.stopPropagation();
          if (event.shiftKey) act.markTo(run.id);
          else act.mark(run.id);
        }}
      >
        {marked && <Icon name="ok" />}R{run.number}
      </button>
      {marked && <span className="sr"> marked</span>}
    </span>
  );
}

interface ChartedProps {
  run: Run;
  colour: string | null;
  dash: readonly number[];
  /** The selected run is always drawn. */
  fixed: boolean;
  act: RowActions;
}

/** Whether the run is drawn in the charts, and how; a click changes it. */
function Charted({ run, colour, dash, fixed, act }: ChartedProps) {
  return (
    <button
      type="button"
      tabIndex={-1}
      className={styles.tick}
      aria-pressed={colour !== null}
      disabled={fixed}
      aria-label={`Draw ${run.name} in the charts`}
      onClick={(event) => {
        event.stopPropagation();
        act.toggleCompare(run.id);
      }}
    >
      {colour !== null && <Swatch colour={colour} dash={dash} />}
    </button>
  );
}

interface ProgressProps {
  step: number | null;
  total: number | null;
  /** Seconds until it is through; null where that is not told. */
  left: number | null;
}

function Progress({ step, total, left }: ProgressProps) {
  const done = (fraction(step, total) ?? 0) * 100;
  const background = `linear-gradient(90deg, var(--step-fill) ${done}%, transparent 0)`;
  return (
    <span role="gridcell" className={`number ${styles.step}`} style={{ background }}>
      {left !== null && <span className={`dim ${styles.left}`}>{brief(left)}</span>}
      <span className="value">{stepText(step)}</span>
      {total !== null && <span className={`dim ${styles.total}`}>/{short(total)}</span>}
    </span>
  );
}

function Course({ run, metric }: { run: Run; metric: string | null }) {
  const { now, before } = useChange(run.id, metric, CHANGE_STEPS);
  const trend = useTrend(run.id, metric, TREND_VALUES);
  const bad = run.status === "failed" || run.status === "crashed";
  return (
    <>
      <span role="gridcell" className={`number ${styles.change}`}>
        {metric !== null && <Change metric={metric} now={now} before={before} />}
      </span>
      <span role="gridcell" className={styles.trend}>
        <Spark values={trend} width={44} colour={bad ? theme.bad : theme.spark} />
      </span>
    </>
  );
}

function Age({ run, age }: { run: Run; age: number | null }) {
  if (run.status !== "running") return duration(elapsedSeconds(run, Date.now()));
  if (run.health === "ok") return ageText(age);
  return (
    <Badge tone="warning" title={run.health === "stalled" ? "It lives, but no steps come" : "No sign of life"}>
      {run.health === "stalled" ? "STALLED" : "LOST"}
    </Badge>
  );
}

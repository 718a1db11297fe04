import type { Ref } from "react";
import { useChange, useTrend } from "../../hooks/useLiveValue";
import type { Selection } from "../../hooks/useSelection";
import { age as ageText, duration, short, step as stepText, value } from "../../lib/format";
import type { Run } from "../../services/types";
import { theme } from "../../styles/theme";
import { Badge } from "../ui/Badge";
import { Change } from "../ui/Change";
import { Spark } from "../ui/Spark";
import { Swatch } from "../ui/Swatch";
import table from "../ui/Table.module.css";
import { elapsedSeconds, fraction } from "./progress";
import styles from "./RunList.module.css";
import { RunStatus } from "./RunStatus";
import { useRunLine } from "./useRunLine";

const TREND_VALUES = 31;
const CHANGE_STEPS = 100;

interface RunRowProps {
  run: Run;
  index: number;
  top: number;
  /** The row that Tab reaches. */
  current: boolean;
  selection: Selection;
  /** Milliseconds since the newest point; null for a run that ended. */
  age: number | null;
  onFocus(id: string): void;
  ref: Ref<HTMLDivElement>;
}

export function RunRow({ run, index, top, current, selection, age, onFocus, ref }: RunRowProps) {
  const line = useRunLine(run);
  const selected = selection.selected === run.id;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
    <div
      ref={ref}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      tabIndex={current ? 0 : -1}
      data-run-id={run.id}
      data-even={index % 2 === 1 || undefined}
      data-focus={current || undefined}
      className={table.row}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => selection.select(run.id)}
      onFocus={() => onFocus(run.id)}
    >
      <span role="gridcell" className="number dim">
        R{run.number}
      </span>
      <span role="gridcell" className={styles.swatch}>
        <Charted run={run} selection={selection} fixed={selected} />
      </span>
      <span role="gridcell" title={run.name} className={selected ? styles.chosen : undefined}>
        {run.name}
      </span>
      <span role="gridcell">
        <RunStatus status={run.status} />
      </span>
      <Progress step={line.step} total={run.total_steps} />
      <span role="gridcell" className="number value" title={line.metric ?? undefined}>
        {value(line.value)}
      </span>
      <Course run={run} metric={line.metric} />
      <span role="gridcell" className={`number dim ${styles.age}`}>
        <Age run={run} age={age} />
      </span>
    </div>
  );
}

interface ChartedProps {
  run: Run;
  selection: Selection;
  /** The selected run is always drawn. */
  fixed: boolean;
}

/** Whether the run is drawn in the charts, and how; a click changes it. */
function Charted({ run, selection, fixed }: ChartedProps) {
  const drawn = selection.compared.includes(run.id);
  return (
    <button
      type="button"
      tabIndex={-1}
      className={styles.tick}
      aria-pressed={drawn}
      disabled={fixed}
      aria-label={`Draw ${run.name} in the charts`}
      onClick={(event) => {
        event.stopPropagation();
        selection.toggleCompare(run.id);
      }}
    >
      {drawn && <Swatch colour={selection.colourOf(run.id)} dash={selection.dashOf(run.id)} />}
    </button>
  );
}

function Progress({ step, total }: { step: number | null; total: number | null }) {
  const done = (fraction(step, total) ?? 0) * 100;
  const background = `linear-gradient(90deg, var(--step-fill) ${done}%, transparent 0)`;
  return (
    <span role="gridcell" className={`number ${styles.step}`} style={{ background }}>
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

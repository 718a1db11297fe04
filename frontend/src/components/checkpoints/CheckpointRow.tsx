import type { Ref } from "react";
import { useZone } from "../../hooks/useZone";
import { bytes, dated, day, NOTHING, step as stepText, value } from "../../lib/format";
import { direction } from "../../lib/goal";
import type { Checkpoint } from "../../services/types";
import { Icon } from "../ui/Icon";
import table from "../ui/Table.module.css";
import { CheckpointActions } from "./CheckpointActions";
import styles from "./CheckpointList.module.css";
import { metricOf, nameOf, shortHash } from "./columns";
import { metricClass } from "./room";
import type { Scale } from "./scale";

interface CheckpointRowProps extends CellsProps {
  index: number;
  top: number;
  /** The row that Tab reaches. */
  current: boolean;
  /** Its details are shown. */
  open: boolean;
  onOpen(id: string): void;
  onFocus(id: string): void;
  ref: Ref<HTMLDivElement>;
}

export function CheckpointRow({ index, top, current, open, onOpen, onFocus, ref, ...cells }: CheckpointRowProps) {
  const { id } = cells.checkpoint;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
    <div
      ref={ref}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={open}
      tabIndex={current ? 0 : -1}
      data-focus={current || undefined}
      data-even={index % 2 === 1 || undefined}
      className={table.row}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onOpen(id)}
      onFocus={() => onFocus(id)}
    >
      <Cells {...cells} />
    </div>
  );
}

interface CellsProps {
  checkpoint: Checkpoint;
  metrics: readonly string[];
  /** The metrics were chosen and stay, however little room there is. */
  keep: boolean;
  scale: Scale;
  onMarkBest(id: string): Promise<void>;
}

function Cells({ checkpoint, metrics, keep, scale, onMarkBest }: CellsProps) {
  useZone();
  const missing = checkpoint.verdict === "missing";
  return (
    <>
      <span role="gridcell">
        {nameOf(checkpoint)}{" "}
        {checkpoint.is_best && (
          <span className="good" title="Best">
            <Icon name="star" />
            <span className="sr">best</span>
          </span>
        )}
      </span>
      <span role="gridcell" className="number value">
        {stepText(checkpoint.step)}
      </span>
      {metrics.map((name, index) => (
        <Metric key={name} name={name} index={index} keep={keep} checkpoint={checkpoint} scale={scale} />
      ))}
      <span role="gridcell" className={`number dim ${styles.roomy}`}>
        {bytes(checkpoint.size)}
      </span>
      <span role="gridcell" className={`dim ${styles.wide}`} title={checkpoint.sha256 ?? undefined}>
        {checkpoint.sha256 === null ? NOTHING : shortHash(checkpoint.sha256)}
      </span>
      <span role="gridcell" className={`${styles.medium} ${missing ? "bad" : "good"}`}>
        <Icon name={missing ? "cross" : "ok"} /> {checkpoint.verdict}
      </span>
      <span role="gridcell" className={`dim ${styles.medium}`} title={dated(checkpoint.created_at)}>
        {day(checkpoint.created_at)}
      </span>
      <span role="gridcell" className={styles.actions}>
        <CheckpointActions checkpoint={checkpoint} onMarkBest={onMarkBest} />
      </span>
    </>
  );
}

interface MetricProps {
  name: string;
  index: number;
  keep: boolean;
  checkpoint: Checkpoint;
  scale: Scale;
}

function Metric({ name, index, keep, checkpoint, scale }: MetricProps) {
  const now = metricOf(checkpoint, name);
  if (index > 0) {
    return (
      <span role="gridcell" className={`number value ${metricClass(index, keep) ?? ""}`}>
        {value(now)}
      </span>
    );
  }
  return (
    <>
      <span role="gridcell" className={`number value ${styles.shaded}`}>
        <i style={{ width: `${scale.percent(checkpoint)}%` }} />
        <span>{value(now)}</span>
      </span>
      <span role="gridcell" className={`number ${styles.medium}`}>
        <Against name={name} now={now} best={scale.best} />
      </span>
    </>
  );
}

function Against({ name, now, best }: { name: string; now: number | null; best: number | null }) {
  if (now === null || best === null) return <span className="dim">{NOTHING}</span>;
  const difference = now - best;
  if (difference === 0) return <span className="dim">{value(0)}</span>;
  return (
    <span className={direction(name, now, best) ?? "dim"}>
      {difference > 0 ? "+" : ""}
      {value(difference)}
    </span>
  );
}

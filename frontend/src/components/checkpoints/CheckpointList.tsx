import { type CSSProperties, useEffect, useMemo, useState } from "react";
import { isAccuracyLike, isLossLike } from "../../lib/pick";
import type { Checkpoint } from "../../services/types";
import { changeView, useViewPart } from "../../state/view";
import { copyText } from "../ui/clipboard";
import { Icon } from "../ui/Icon";
import table from "../ui/Table.module.css";
import { useRowKeys } from "../ui/useRowKeys";
import { useRows } from "../ui/useRows";
import { CheckpointCard } from "./CheckpointCard";
import styles from "./CheckpointList.module.css";
import { CheckpointRow } from "./CheckpointRow";
import { metricColumns, nextSort, type Sort, sorted, sortIn } from "./columns";
import { metricClass } from "./room";
import { Scale } from "./scale";

interface CheckpointListProps {
  checkpoints: readonly Checkpoint[];
  /** Metrics that somebody gave a column, by name or glob; none: the first that there are. */
  chosen?: readonly string[];
  /** Throws an `Error` to show. */
  onMarkBest(id: string): Promise<void>;
}

const NOT_CHOSEN: readonly string[] = [];

interface Column {
  id: string;
  title: string;
  hint?: string | undefined;
  number?: boolean;
  /** Class that hides it where there is no room. */
  className?: string | undefined;
  width: string;
}

/** The checkpoints of a run, by any column; a row opens its details. */
export function CheckpointList({ checkpoints, chosen = NOT_CHOSEN, onMarkBest }: CheckpointListProps) {
  const order = useViewPart("checkpoints");
  const sort = useMemo(() => sortIn(order), [order]);
  const [openId, setOpenId] = useState<string | null>(null);
  const metrics = useMemo(() => metricColumns(checkpoints, chosen), [checkpoints, chosen]);
  const { said, copyPath } = useCopied(checkpoints);
  const shown = useMemo(() => sorted(checkpoints, sort), [checkpoints, sort]);
  const open = checkpoints.find((checkpoint) => checkpoint.id === openId) ?? null;
  if (checkpoints.length === 0) return <p className="empty">No checkpoint yet. save_checkpoint(path) puts one here.</p>;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc anywhere in here closes the details
    <div
      className={styles.panes}
      data-detail={open !== null || undefined}
      onKeyDown={(event) => {
        if (event.key === "Escape") setOpenId(null);
      }}
    >
      <div className={styles.pane}>
        <Grid
          checkpoints={shown}
          metrics={metrics}
          keep={chosen.length > 0}
          sort={sort}
          onSort={(column) => changeView({ checkpoints: nextSort(order, column) })}
          onCopy={copyPath}
          openId={openId}
          onOpen={(id) => setOpenId(id === openId ? null : id)}
          onMarkBest={onMarkBest}
        />
      </div>
      <p className={styles.said} role="status">
        {said}
      </p>
      {open && <CheckpointCard checkpoint={open} onMarkBest={onMarkBest} onClose={() => setOpenId(null)} />}
    </div>
  );
}

const SAID_MS = 2_000;

/** Copying a checkpoint's path, and what became of it, for a moment. */
function useCopied(checkpoints: readonly Checkpoint[]) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copyPath = async (id: string) => {
    const checkpoint = checkpoints.find((each) => each.id === id);
    if (checkpoint === undefined) return;
    setSaid((await copyText(checkpoint.filepath)) ? `COPIED ${checkpoint.filepath}` : "COPYING IS NOT ALLOWED HERE");
  };
  return { said, copyPath };
}

function columnsOf(metrics: readonly string[], keep: boolean): Column[] {
  return [
    { id: "id", title: "ID", width: "108px" },
    { id: "step", title: "STEP", number: true, width: "84px" },
    ...metrics.flatMap((name, index) => metricColumn(name, index, keep)),
    { id: "size", title: "SIZE", number: true, width: "90px", className: styles.roomy },
    { id: "sha256", title: "SHA256", width: "92px", className: styles.wide },
    { id: "verdict", title: "VERDICT", width: "104px", className: styles.medium },
    { id: "created", title: "TIMESTAMP", width: "142px", className: styles.medium },
  ];
}

function metricColumn(name: string, index: number, keep: boolean): Column[] {
  const className = metricClass(index, keep);
  const column = {
    id: `metric:${name}`,
    title: titleOf(name),
    hint: name,
    number: true,
    width: "minmax(92px, 130px)",
    className,
  };
  const against = {
    id: "against",
    title: "vs BEST",
    hint: name,
    number: true,
    width: "88px",
    className: styles.medium,
  };
  return index === 0 ? [column, against] : [column];
}

/** `val/loss` is LOSS, `val_accuracy` ACCURACY; any other keeps its name. */
function titleOf(name: string): string {
  if (isLossLike(name) && /loss/i.test(name)) return "LOSS";
  if (isAccuracyLike(name) && /acc/i.test(name)) return "ACCURACY";
  return name.toUpperCase();
}

const ACTIONS = { width: "minmax(168px, 1fr)" };

interface GridProps {
  checkpoints: readonly Checkpoint[];
  metrics: readonly string[];
  /** The metrics were chosen and stay, however little room there is. */
  keep: boolean;
  sort: Sort;
  onSort(column: string): void;
  onCopy(id: string): void;
  openId: string | null;
  onOpen(id: string): void;
  onMarkBest(id: string): Promise<void>;
}

function Grid({ checkpoints, metrics, keep, sort, onSort, onCopy, openId, onOpen, onMarkBest }: GridProps) {
  const { scroll, rows } = useRows<HTMLDivElement>(checkpoints.length);
  const columns = useMemo(() => columnsOf(metrics, keep), [metrics, keep]);
  const ids = useMemo(() => checkpoints.map((checkpoint) => checkpoint.id), [checkpoints]);
  const scale = useMemo(() => new Scale(checkpoints, metrics[0]), [checkpoints, metrics]);
  const keys = useRowKeys({
    ids,
    start: openId,
    scrollTo: (index) => rows.scrollToIndex(index),
    open: onOpen,
    other: (key, id) => {
      if (key === "y") onCopy(id);
      return key === "y";
    },
  });
  return (
    <div
      className={`${table.table} ${styles.list}`}
      role="grid"
      data-keys="y"
      aria-label="Checkpoints"
      aria-rowcount={checkpoints.length + 1}
      style={columnWidths(columns, keep ? metrics.length : 0)}
    >
      <div role="rowgroup">
        <div className={table.head} role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <Heading key={column.id} column={column} sort={sort} onSort={onSort} />
          ))}
          <span role="columnheader" className={styles.actions}>
            ACTIONS
          </span>
        </div>
      </div>
      <div
        className={table.scroll}
        ref={scroll}
        role="rowgroup"
        {...keys.box(rows.getVirtualItems())}
        onKeyDown={keys.onKeyDown}
      >
        <div className={table.space} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const checkpoint = checkpoints[index] as Checkpoint;
            return (
              <CheckpointRow
                key={checkpoint.id}
                ref={keys.rowRef(checkpoint.id)}
                checkpoint={checkpoint}
                metrics={metrics}
                keep={keep}
                scale={scale}
                index={index}
                top={start}
                current={keys.current === checkpoint.id}
                open={openId === checkpoint.id}
                onOpen={onOpen}
                onFocus={keys.onFocus}
                onMarkBest={onMarkBest}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Lists of widths: what fits is chosen by the panel's own width; columns that stay may need more than that. */
function columnWidths(columns: readonly Column[], kept: number): CSSProperties {
  const { wide, roomy, medium } = styles;
  const hidden = { wide: [], roomy: [wide], medium: [wide, roomy], narrow: [wide, roomy, medium] };
  const variants = Object.entries(hidden).flatMap(([name, classes]: [string, (string | undefined)[]]) => {
    const shown = columns.filter(({ className }) => className === undefined || !classes.includes(className));
    const widths = [...shown, ACTIONS].map(({ width }) => width);
    const least = widths.reduce((sum, width) => sum + Number.parseInt(width.replace("minmax(", ""), 10), 0);
    return [
      [`--columns-${name}`, widths.join(" ")],
      [`--least-${name}`, kept === 0 ? "0" : `${least}px`],
    ];
  });
  return { ...Object.fromEntries(variants), "--shown": 2 + Math.max(1, kept) } as CSSProperties;
}

interface HeadingProps {
  column: Column;
  sort: Sort;
  onSort(column: string): void;
}

function Heading({ column, sort, onSort }: HeadingProps) {
  const sortedBy = sort.column === sortKey(column);
  const order = sort.descending ? "descending" : "ascending";
  return (
    <span
      role="columnheader"
      aria-sort={sortedBy ? order : "none"}
      title={column.hint}
      className={`${styles.heading} ${column.number ? "number" : ""} ${column.className ?? ""}`}
    >
      <button type="button" onClick={() => onSort(sortKey(column))}>
        {column.title}
        {sortedBy && <Icon name={sort.descending ? "down" : "up"} />}
      </button>
    </span>
  );
}

/** The distance from the best sorts like the metric itself. */
function sortKey(column: Column): string {
  return column.id === "against" ? `metric:${column.hint}` : column.id;
}

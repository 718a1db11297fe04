import { useLatest } from "../../hooks/useLiveValue";
import { useNames, useSettled } from "../../hooks/useNames";
import { useSummaries } from "../../hooks/useSummaries";
import { openPanel, showPanel } from "../../layout/store";
import { NOTHING, step, toNumber, value } from "../../lib/format";
import { direction } from "../../lib/goal";
import { isSampled } from "../../live/decode";
import type { Summary } from "../../services/types";
import { changeView } from "../../state/view";
import { Skeleton } from "../ui/Skeleton";
import table from "../ui/Table.module.css";
import { useRowKeys } from "../ui/useRowKeys";
import { useRows } from "../ui/useRows";
import { chooseMetrics } from "./chosen";
import styles from "./MetricsTable.module.css";

const MOST = 100_000;
const TYPING_MS = 100;

interface MetricsTableProps {
  runId: string;
  /** Part of the names to show, or a glob; empty: all. */
  text?: string;
  /** A row was opened; without it, its metric is charted in a panel of its own. */
  onOpen?: (metric: string) => void;
}

/** Latest value of every metric of a run, with its change and its bounds. */
export function MetricsTable({ runId, text = "", onOpen = chart }: MetricsTableProps) {
  const wanted = useSettled(text.trim(), TYPING_MS);
  const { names, total, loading } = useNames(runId, wanted, MOST);
  if (loading) return <Skeleton rows={10} label="metrics" />;
  if (names.length === 0) {
    return <p className="empty">{wanted === "" ? "Nothing logged yet." : "No metric fits the filter."}</p>;
  }
  return <Rows key={wanted} runId={runId} names={names} total={total} onOpen={onOpen} />;
}

const NUMBERS = ["STEP", "LAST", "CHANGE"];
const BOUNDS = ["MIN", "MAX"];

interface RowsProps {
  runId: string;
  names: readonly string[];
  total: number;
  onOpen(metric: string): void;
}

function Rows({ runId, names, total, onOpen }: RowsProps) {
  const { scroll, rows } = useRows<HTMLDivElement>(names.length);
  const items = rows.getVirtualItems();
  const summaries = useSummaries(runId, names, items[0]?.index ?? 0, items.at(-1)?.index ?? 0);
  const keys = useRowKeys({ ids: names, start: null, scrollTo: (index) => rows.scrollToIndex(index), open: onOpen });
  return (
    <div
      className={`metrics-table ${table.table} ${styles.metrics}`}
      role="table"
      aria-label="Latest values"
      aria-rowcount={names.length + 1}
    >
      <div role="rowgroup">
        <div className={table.head} role="row" aria-rowindex={1}>
          <span role="columnheader">
            METRIC <span className="dim">{count(names.length, total)}</span>
          </span>
          {NUMBERS.map((title) => (
            <span key={title} role="columnheader" className="number">
              {title}
            </span>
          ))}
          {BOUNDS.map((title) => (
            <span key={title} role="columnheader" className={`number ${styles.bound}`}>
              {title}
            </span>
          ))}
        </div>
      </div>
      <div className={table.scroll} ref={scroll} role="rowgroup" {...keys.box(items)} onKeyDown={keys.onKeyDown}>
        <div className={table.space} style={{ height: rows.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const name = names[index] as string;
            return (
              <MetricRow
                key={name}
                rowRef={keys.rowRef(name)}
                runId={runId}
                name={name}
                summary={summaries[name]}
                index={index}
                top={start}
                current={keys.current === name}
                onOpen={() => onOpen(name)}
                onFocus={() => keys.onFocus(name)}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function count(shown: number, total: number): string {
  return shown < total ? `${step(shown)} of ${step(total)}` : step(total);
}

/** Open a chart panel with this metric, and go there. */
function chart(metric: string): void {
  const panel = openPanel("chart");
  chooseMetrics(panel, [metric]);
  changeView({ maximised: null });
  showPanel(panel);
}

interface MetricRowProps {
  runId: string;
  name: string;
  /** What the server knew; undefined while it is read. */
  summary: Summary | undefined;
  index: number;
  top: number;
  current: boolean;
  rowRef: (element: HTMLElement | null) => void;
  onOpen(): void;
  onFocus(): void;
}

function MetricRow({ runId, name, summary, index, top, current, rowRef, onOpen, onFocus }: MetricRowProps) {
  const latest = useLatest(runId, name);
  const now = latest.value ?? toNumber(summary?.last);
  const at = latest.step ?? summary?.last_step ?? null;
  const tone = direction(name, now, latest.previous);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
    <div
      ref={rowRef}
      role="row"
      aria-rowindex={index + 2}
      tabIndex={current ? 0 : -1}
      title={`${name}: a click or Enter opens it`}
      data-focus={current || undefined}
      data-even={index % 2 === 1 || undefined}
      className={table.row}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onOpen}
      onFocus={onFocus}
    >
      <span role="rowheader">{name}</span>
      <span role="cell" className="number dim">
        {step(isSampled(name) ? null : at)}
      </span>
      <span role="cell" className="number value">
        {value(now)}
      </span>
      <span role="cell" className={`number ${tone ?? "dim"}`}>
        {change(now, latest.previous)}
      </span>
      <Bound told={summary?.min} now={now} pick={Math.min} />
      <Bound told={summary?.max} now={now} pick={Math.max} />
    </div>
  );
}

interface BoundProps {
  told: unknown;
  now: number | null;
  pick(known: number, now: number): number;
}

/** The least or the largest so far: what the server knew, or the newest value when it is beyond that. */
function Bound({ told, now, pick }: BoundProps) {
  const known = toNumber(told);
  const shown = known !== null && now !== null && Number.isFinite(now) ? pick(known, now) : known;
  return (
    <span role="cell" className={`number dim ${styles.bound}`}>
      {value(shown)}
    </span>
  );
}

function change(now: number | null, before: number | null): string {
  if (now === null || before === null) return NOTHING;
  const difference = now - before;
  return difference > 0 ? `+${value(difference)}` : value(difference);
}

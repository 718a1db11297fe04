import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { openPanel, showPanel } from "../../layout/store";
import type { Section } from "../../lib/metricSections";
import { changeView } from "../../state/view";
import { Icon } from "../ui/Icon";
import { ChartCell } from "./ChartCell";
import { chooseMetrics } from "./chosen";
import styles from "./MetricGrid.module.css";

const CELL_WIDTH_PX = 300;
const CELL_HEIGHT_PX = 180;
const HEAD_PX = 22;
/** Charts of one section that are reached by scrolling, before more are asked for. */
const PAGE = 600;

interface MetricGridProps {
  runs: readonly string[];
  sections: readonly Section[];
  isOpen(section: Section): boolean;
  onToggle(section: Section): void;
}

type GridRow =
  | { kind: "head"; section: Section; open: boolean }
  | { kind: "charts"; section: Section; metrics: readonly string[] }
  | { kind: "more"; section: Section; left: number };

/** Charts in sections that open and close. Only those in view are made, of however many there are. */
export function MetricGrid({ runs, sections, isOpen, onToggle }: MetricGridProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const columns = useColumns(scroll);
  const [pages, setPages] = useState<Readonly<Record<string, number>>>({});
  const rows = useMemo(
    () => sections.flatMap((section) => rowsOf(section, isOpen(section), columns, PAGE * (pages[section.name] ?? 1))),
    [sections, isOpen, columns, pages],
  );
  const heightOf = (index: number) => (rows[index]?.kind === "charts" ? CELL_HEIGHT_PX : HEAD_PX);
  const grid = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: heightOf,
    getItemKey: (index) => keyOf(rows[index]) ?? index,
    overscan: 1,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured again when other rows stand there
  useEffect(() => grid.measure(), [rows]);
  const more = ({ name }: Section) => setPages({ ...pages, [name]: (pages[name] ?? 1) + 1 });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keys
    <div ref={scroll} className={styles.grid} tabIndex={0} data-focus>
      <div className={styles.space} style={{ height: grid.getTotalSize() }}>
        {grid.getVirtualItems().map(({ index, key, start, size }) => (
          <div key={key} className={styles.row} style={{ transform: `translateY(${start}px)`, height: size }}>
            <Row row={rows[index]} runs={runs} columns={columns} onToggle={onToggle} onMore={more} />
          </div>
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  row: GridRow | undefined;
  runs: readonly string[];
  columns: number;
  onToggle(section: Section): void;
  onMore(section: Section): void;
}

function Row({ row, runs, columns, onToggle, onMore }: RowProps) {
  if (row === undefined) return null;
  const { section } = row;
  if (row.kind === "head") {
    return (
      <h3 className={styles.head}>
        <button type="button" aria-expanded={row.open} onClick={() => onToggle(section)}>
          <Icon name={row.open ? "down" : "right"} /> {section.name || "METRICS"}
          <span className="dim">{section.metrics.length.toLocaleString("en-US")}</span>
        </button>
      </h3>
    );
  }
  if (row.kind === "more") {
    return (
      <button type="button" className={styles.more} onClick={() => onMore(section)}>
        {row.left.toLocaleString("en-US")} more of {section.name || "these"}
      </button>
    );
  }
  // The charts of a small section share the whole width.
  const width = Math.min(columns, section.metrics.length);
  return (
    <div className={styles.cells} style={{ gridTemplateColumns: `repeat(${width}, minmax(0, 1fr))` }}>
      {row.metrics.map((metric) => (
        <div key={metric} className={styles.cell} data-metric={metric}>
          <div className={styles.name}>
            <span className="clip" title={metric}>
              {metric}
            </span>
            <button
              type="button"
              className={styles.open}
              aria-label={`Chart ${metric} in a panel of its own`}
              title="In a panel of its own"
              onClick={() => chartAlone(metric)}
            >
              <Icon name="maximise" />
            </button>
          </div>
          <div className={styles.chart}>
            <ChartCell runs={runs} metric={metric} />
          </div>
        </div>
      ))}
    </div>
  );
}

/** Open a chart panel with this metric, and go there. */
function chartAlone(metric: string): void {
  const panel = openPanel("chart");
  chooseMetrics(panel, [metric]);
  changeView({ maximised: null });
  showPanel(panel);
}

function rowsOf(section: Section, open: boolean, columns: number, most: number): GridRow[] {
  const rows: GridRow[] = section.name === "" && section.metrics.length === 0 ? [] : [{ kind: "head", section, open }];
  if (!open) return rows;
  const shown = section.metrics.slice(0, most);
  for (let at = 0; at < shown.length; at += columns) {
    rows.push({ kind: "charts", section, metrics: shown.slice(at, at + columns) });
  }
  const left = section.metrics.length - shown.length;
  if (left > 0) rows.push({ kind: "more", section, left });
  return rows;
}

function keyOf(row: GridRow | undefined): string | null {
  if (row === undefined) return null;
  return row.kind === "charts" ? `${row.section.name} ${row.metrics[0]}` : `${row.kind} ${row.section.name}`;
}

function useColumns(box: { current: HTMLElement | null }): number {
  const [columns, setColumns] = useState(1);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () => setColumns(Math.max(1, Math.floor(element.clientWidth / CELL_WIDTH_PX)));
    measure();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return columns;
}

import type { HistoryLine, SystemRange } from "../../hooks/useSystemStatus";
import { bytes, percent } from "../../lib/format";
import { theme } from "../../styles/theme";
import { areaPaths, type Box } from "./area";
import styles from "./SystemStatus.module.css";

const SPAN_MICROS: Record<SystemRange, number> = { "10m": 600e6, "1h": 3600e6, "24h": 86_400e6 };
const SPAN_WORDS: Record<SystemRange, string> = { "10m": "10 MIN", "1h": "1 H", "24h": "24 H" };
const WIDTH = 300;
const HEIGHT = 40;

interface Look {
  key: string;
  name: string;
  colour: string;
  /** The value at the upper edge; null for the highest there is. */
  top: number | null;
  text(value: number | null): string;
}

const LINES: readonly Look[] = [
  { key: "cpu_percent", name: "CPU", colour: theme.barGood, top: 100, text: (value) => `${percent(value)}%` },
  { key: "memory_percent", name: "RAM", colour: theme.barUsual, top: 100, text: (value) => `${percent(value)}%` },
  { key: "net/received", name: "NET", colour: theme.barInfo, top: null, text: (value) => `${bytes(value)}/s` },
];

interface ResourceChartProps {
  history: Readonly<Record<string, HistoryLine>>;
  range: SystemRange;
}

/** Processor, memory and network over the last minutes or hours. */
export function ResourceChart({ history, range }: ResourceChartProps) {
  const lines = LINES.flatMap(({ key, ...look }) => {
    const line = history[key];
    return line ? [{ line, ...look }] : [];
  });
  const newest = Math.max(...lines.map(({ line }) => line.x.at(-1) ?? 0), 0);
  const span = { from: newest - SPAN_MICROS[range], to: newest };
  return (
    <div className={styles.history}>
      {lines.map(({ line, name, colour, top, text }) => (
        <figure key={name}>
          <figcaption>
            <span className="label">{name}</span> <span className={`dim ${styles.span}`}>{SPAN_WORDS[range]} </span>
            <span className="dim">max</span> <span className="value">{text(highest(line))}</span>
          </figcaption>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <path d={`M0 ${HEIGHT / 2}H${WIDTH}`} stroke={theme.gridLine} vectorEffect="non-scaling-stroke" />
            <Area
              line={line}
              box={{ width: WIDTH, height: HEIGHT, ...span, top: top ?? (highest(line) || 1) }}
              colour={colour}
            />
          </svg>
        </figure>
      ))}
    </div>
  );
}

function Area({ line, box, colour }: { line: HistoryLine; box: Box; colour: string }) {
  const paths = areaPaths(line, box);
  return (
    <>
      <path d={paths.area} fill={colour} fillOpacity="0.16" />
      <path d={paths.line} fill="none" stroke={colour} vectorEffect="non-scaling-stroke" />
    </>
  );
}

function highest(line: HistoryLine): number | null {
  const known = line.max.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

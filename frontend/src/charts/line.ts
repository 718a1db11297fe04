import { readAt } from "./readings";
import type { Reduced } from "./reduce";
import type { Source } from "./source";

/** One run's line in a chart. */
export interface Line {
  runId: string;
  name: string;
  /** A CSS variable, `var(--s1)`. */
  colour: string;
  dash: readonly number[];
  /** A run that failed or crashed: its line ends with a cross. */
  failed: boolean;
  /** What a resumed run left behind: faint, and nothing is told of it. */
  ghost?: boolean;
}

/** A line as it is drawn now. */
export interface DrawnLine extends Line {
  paint: string;
  /** End of the line, in data; null when it has no finite point. */
  end: { x: number; y: number } | null;
  /** Value logged last, which may be NaN or infinite. */
  lastValue: number | null;
  nonfinite: readonly number[];
  /** Value at the right edge of the stretch, when the line goes on beyond it. */
  edge: number | null;
  /** So few points that each is drawn as a dot. */
  sparse: boolean;
}

export function drawnLine(line: Line, source: Source | null, paint: string): DrawnLine {
  const columns = source?.course;
  const at = (columns?.x.length ?? 0) - 1;
  const end = columns && at >= 0 ? { x: columns.x[at] as number, y: columns.last[at] as number } : null;
  const told = { lastValue: source?.lastValue ?? null, nonfinite: source?.odd ?? [] };
  return { ...line, paint, end, ...told, edge: null, sparse: false };
}

/** From so many pixels for each point on, the points are drawn too. */
const SPARSE_PX = 8;

/** The line as it is drawn over a stretch that is so many pixels wide. */
export function inStretch(line: DrawnLine, own: Reduced, high: number, width: number): DrawnLine {
  const sparse = own.points === own.drawn && own.drawn > 0 && own.drawn * SPARSE_PX <= width;
  if (line.end === null || line.end.x <= high) return { ...line, sparse };
  return { ...line, sparse, edge: readAt(own, high) };
}

/** What `data-points` tells of a line. */
export interface LineSummary {
  run: string;
  n: number;
  lastStep: number | null;
  lastValue: number | string | null;
}

export function summaryOf(line: Line, { lastValue, lastStep, points }: Source): LineSummary {
  const told = lastValue === null || Number.isFinite(lastValue) ? lastValue : String(lastValue);
  return { run: line.runId, n: points, lastStep, lastValue: told };
}

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
}

export function drawnLine(line: Line, source: Source | null, paint: string): DrawnLine {
  const columns = source?.course;
  const at = (columns?.x.length ?? 0) - 1;
  const end = columns && at >= 0 ? { x: columns.x[at] as number, y: columns.last[at] as number } : null;
  return { ...line, paint, end, lastValue: source?.lastValue ?? null, nonfinite: source?.odd ?? [] };
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

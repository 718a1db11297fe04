import type uPlot from "uplot";
import { type Aligned, positive } from "./data";
import type { DrawnLine } from "./line";
import type { Palette } from "./palette";
import { faded } from "./palette";
import { logLabels, logSplits, spanLabels, stepLabels, TIME_GAPS, valueLabels, wallLabels } from "./ticks";

export const TAG_GUTTER = 62;
const X_AXIS_HEIGHT = 22;
const DOT_PX = 5;
/** Lines wider than a pixel take twice as long to draw: so many of them at most. */
const MOST_BOLD = 3;
const BOLD_PX = 1.5;

/** What the x counts. */
export type XKind = "step" | "relative" | "wall" | "metric";

export interface ChartLook {
  lines: readonly DrawnLine[];
  logScale: boolean;
  xKind: XKind;
  /** Time zone of a wall clock, as Intl knows it; left out: that of the browser. */
  zone?: string | undefined;
  /** A smoothed line stands before each line, which is faint. */
  smooth: boolean;
  syncKey: string;
  palette: Palette;
  plugins: uPlot.Plugin[];
  width: number;
  height: number;
  /** Whether each point of a line is drawn as a dot now, by the line's place. */
  isSparse(line: number): boolean;
}

/** Everything that the chart library is told; it gets data and scales afterwards. */
export function chartOptions(look: ChartLook): uPlot.Options {
  return {
    width: look.width,
    height: look.height,
    padding: [8, 0, 0, 18],
    legend: { show: false },
    scales: {
      x: { time: false, auto: false },
      y: { auto: false, ...(look.logScale ? { distr: 3 as const } : {}) },
    },
    series: [{}, ...look.lines.flatMap((line, index) => lineSeries(line, look, index))],
    axes: [xAxis(look), yAxis(look)],
    cursor: cursorOptions(look),
    plugins: look.plugins,
  };
}

/** The columns of each line, its value and the smoothed value if any, behind the shared x. */
export function chartData(aligned: Aligned, logScale: boolean, smooth = false): uPlot.AlignedData {
  const columns = aligned.lines.flatMap((line) => (smooth ? [line.value, line.smooth ?? []] : [line.value]));
  return [aligned.x, ...(logScale ? columns.map(positive) : columns)] as uPlot.AlignedData;
}

function lineSeries(line: DrawnLine, { lines, smooth, isSparse }: ChartLook, index: number): uPlot.Series[] {
  const width = lines.length > MOST_BOLD ? 1 : BOLD_PX;
  const dash = line.dash.length > 0 ? { dash: [...line.dash] } : {};
  const look = { scale: "y", stroke: line.paint, width, points: { show: false }, ...dash };
  const faint = faded(line.paint, line.ghost ? 0.45 : 0.3);
  const stroke = smooth || line.ghost ? faint : line.paint;
  const points = { show: () => isSparse(index), size: DOT_PX, width: 1, stroke, fill: stroke };
  const value = { ...look, stroke, width: smooth || line.ghost ? 1 : width, points };
  return smooth ? [value, { ...look, width: BOLD_PX, show: !line.ghost }] : [value];
}

function xAxis({ palette, xKind, zone }: ChartLook): uPlot.Axis {
  const isTime = xKind === "relative" || xKind === "wall";
  return {
    ...axisLook(palette),
    size: X_AXIS_HEIGHT,
    gap: 3,
    space: 70,
    values: (_, splits) => xLabels(splits, xKind, zone),
    ...(isTime ? { incrs: [...TIME_GAPS] } : {}),
  };
}

function xLabels(splits: readonly number[], kind: XKind, zone: string | undefined): string[] {
  if (kind === "relative") return spanLabels(splits);
  if (kind === "wall") return wallLabels(splits, zone);
  return kind === "metric" ? valueLabels(splits) : stepLabels(splits);
}

function yAxis({ palette, logScale }: ChartLook): uPlot.Axis {
  return {
    ...axisLook(palette),
    scale: "y",
    side: 1,
    size: TAG_GUTTER,
    gap: 6,
    space: 26,
    values: (_, splits) => (logScale ? logLabels(splits) : valueLabels(splits)),
    // The library's own ticks of a logarithmic scale run out of memory where values are beyond 1e32.
    ...(logScale ? { splits: (_chart, _axis, low, high) => logSplits(low, high), filter: (_, splits) => splits } : {}),
  };
}

function axisLook(palette: Palette): uPlot.Axis {
  const grid = { stroke: palette.colour("var(--grid-line)"), width: 1 };
  const border = { show: true, stroke: palette.colour("var(--border-color)"), width: 1 };
  return { stroke: palette.colour("var(--text-dim)"), font: palette.font(11), grid, ticks: { show: false }, border };
}

/** What is dragged and clicked is the pointer plugin's. */
function cursorOptions(look: ChartLook): uPlot.Cursor {
  const nobody = () => () => null;
  return {
    y: false,
    drag: { x: false, y: false, setScale: false },
    sync: { key: look.syncKey, setSeries: false, scales: ["x", null] },
    points: { show: false },
    bind: { mousedown: nobody, mouseup: nobody, dblclick: nobody },
  };
}

import type uPlot from "uplot";
import type { Aligned } from "./data";
import { positive } from "./data";
import type { DrawnLine } from "./line";
import type { Palette } from "./palette";
import { faded } from "./palette";
import { logLabels, logSplits, spanLabels, stepLabels, TIME_GAPS, valueLabels, wallLabels } from "./ticks";

export const TAG_GUTTER = 62;
const X_AXIS_HEIGHT = 22;
const MIN_DRAG = 6;

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
  onZoom(low: number, high: number): void;
  onUnzoom(): void;
  /** A click that drags nothing, at a place of x where there is an entry. */
  onClick(x: number): void;
}

/** Everything that the chart library is told; it gets data and scales afterwards. */
export function chartOptions(look: ChartLook): uPlot.Options {
  return {
    width: look.width,
    height: look.height,
    padding: [8, 0, 0, 14],
    legend: { show: false },
    scales: {
      x: { time: false, auto: false },
      y: { auto: false, ...(look.logScale ? { distr: 3 as const } : {}) },
    },
    series: [{}, ...look.lines.flatMap((line) => lineSeries(line, look.smooth))],
    bands: look.lines.map((line, index) => bandOf(line, index, look.smooth)),
    axes: [xAxis(look), yAxis(look)],
    cursor: cursorOptions(look),
    plugins: look.plugins,
    hooks: { setSelect: [(chart) => zoomToSelection(chart, look)] },
  };
}

/** A stretch that was dragged over becomes the chart's x. */
function zoomToSelection(chart: uPlot, look: ChartLook): void {
  const { left, width } = chart.select;
  if (width < MIN_DRAG) return;
  look.onZoom(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

/** The columns of each line (value, maximum, minimum, and the smoothed value if any) behind the shared x. */
export function chartData(aligned: Aligned, logScale: boolean, smooth = false): uPlot.AlignedData {
  const columns = aligned.lines.flatMap((line) => [
    line.value,
    line.max,
    line.min,
    ...(smooth ? [line.smooth ?? []] : []),
  ]);
  return [aligned.x, ...(logScale ? columns.map(positive) : columns)] as uPlot.AlignedData;
}

/** Where a line's value stands among the columns of `chartData`. */
export function valueColumn(line: number, smooth = false): number {
  return 1 + (smooth ? 4 : 3) * line;
}

function lineSeries(line: DrawnLine, smooth: boolean): uPlot.Series[] {
  const edge: uPlot.Series = { scale: "y", stroke: "transparent", width: 0, points: { show: false } };
  const dash = line.dash.length > 0 ? { dash: [...line.dash] } : {};
  const look = { scale: "y", stroke: line.paint, width: 1.25, points: { show: false }, ...dash };
  const faint = line.ghost ? 0.45 : 0.3;
  const value = smooth || line.ghost ? { ...look, stroke: faded(line.paint, faint), width: 1 } : look;
  return [value, edge, { ...edge }, ...(smooth ? [{ ...look, width: 1.5, show: !line.ghost }] : [])];
}

function bandOf(line: DrawnLine, index: number, smooth: boolean): uPlot.Band {
  const value = valueColumn(index, smooth);
  return { series: [value + 1, value + 2], fill: faded(line.paint, line.ghost ? 0.06 : 0.18) };
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

function cursorOptions(look: ChartLook): uPlot.Cursor {
  return {
    y: false,
    drag: { x: true, y: false, setScale: false },
    sync: { key: look.syncKey, setSeries: false, scales: ["x", null] },
    points: { show: false },
    bind: {
      dblclick: () => () => {
        look.onUnzoom();
        return null;
      },
      click: (chart) => () => {
        const x = typeof chart.cursor.idx === "number" ? chart.data[0]?.[chart.cursor.idx] : undefined;
        if (x !== undefined && chart.select.width < MIN_DRAG) look.onClick(x);
        return null;
      },
    },
  };
}

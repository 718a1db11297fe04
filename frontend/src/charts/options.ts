import type uPlot from "uplot";
import type { Aligned } from "./data";
import { positive } from "./data";
import type { DrawnLine } from "./line";
import type { Palette } from "./palette";
import { faded } from "./palette";
import { logLabels, logSplits, stepLabels, valueLabels } from "./ticks";

export const TAG_GUTTER = 62;
const X_AXIS_HEIGHT = 22;
const MIN_DRAG = 6;

export interface ChartLook {
  lines: readonly DrawnLine[];
  logScale: boolean;
  syncKey: string;
  palette: Palette;
  plugins: uPlot.Plugin[];
  width: number;
  height: number;
  onZoom(low: number, high: number): void;
  onUnzoom(): void;
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
    series: [{}, ...look.lines.flatMap((line) => lineSeries(line))],
    bands: look.lines.map((line, index) => bandOf(line, index)),
    axes: [xAxis(look.palette), yAxis(look)],
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

/** The three columns of each line (value, maximum, minimum) behind the shared x. */
export function chartData(aligned: Aligned, logScale: boolean): uPlot.AlignedData {
  const columns = aligned.lines.flatMap((line) => [line.value, line.max, line.min]);
  return [aligned.x, ...(logScale ? columns.map(positive) : columns)] as uPlot.AlignedData;
}

/** Where a line's value stands among the columns of `chartData`. */
export function valueColumn(line: number): number {
  return 1 + 3 * line;
}

function lineSeries(line: DrawnLine): uPlot.Series[] {
  const edge: uPlot.Series = { scale: "y", stroke: "transparent", width: 0, points: { show: false } };
  const dash = line.dash.length > 0 ? { dash: [...line.dash] } : {};
  return [{ scale: "y", stroke: line.paint, width: 1.25, points: { show: false }, ...dash }, edge, { ...edge }];
}

function bandOf(line: DrawnLine, index: number): uPlot.Band {
  const value = valueColumn(index);
  return { series: [value + 1, value + 2], fill: faded(line.paint, 0.18) };
}

function xAxis(palette: Palette): uPlot.Axis {
  return {
    ...axisLook(palette),
    size: X_AXIS_HEIGHT,
    gap: 3,
    space: 70,
    values: (_, splits) => stepLabels(splits),
  };
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
    },
  };
}

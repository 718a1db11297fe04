import type uPlot from "uplot";
import type { Palette } from "./palette";
import type { Grid } from "./plugins/curves";
import { logSplits, spanLabels, stepLabels, TIME_GAPS, valueLabels, wallLabels } from "./ticks";

export const TAG_GUTTER = 62;
const X_AXIS_HEIGHT = 22;

/** What the x counts. */
export type XKind = "step" | "relative" | "wall" | "metric";

export interface ChartLook {
  logScale: boolean;
  xKind: XKind;
  /** Time zone of a wall clock, as Intl knows it; left out: that of the browser. */
  zone?: string | undefined;
  syncKey: string;
  palette: Palette;
  plugins: uPlot.Plugin[];
  width: number;
  height: number;
  /** Told where the ticks of the axes are; who draws the lines draws the grid. */
  grid: Grid;
}

/** All that the chart library is told: it has axes and a cursor over the shared x, and draws no line. */
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
    series: [{}],
    axes: [xAxis(look), yAxis(look)],
    cursor: cursorOptions(look),
    plugins: look.plugins,
  };
}

function xAxis({ palette, xKind, zone, grid }: ChartLook): uPlot.Axis {
  const isTime = xKind === "relative" || xKind === "wall";
  return {
    ...axisLook(palette),
    size: X_AXIS_HEIGHT,
    gap: 3,
    space: 70,
    values: (_, splits) => {
      grid.x = splits;
      return xLabels(splits, xKind, zone);
    },
    ...(isTime ? { incrs: [...TIME_GAPS] } : {}),
  };
}

function xLabels(splits: readonly number[], kind: XKind, zone: string | undefined): string[] {
  if (kind === "relative") return spanLabels(splits);
  if (kind === "wall") return wallLabels(splits, zone);
  return kind === "metric" ? valueLabels(splits) : stepLabels(splits);
}

function yAxis({ palette, logScale, grid }: ChartLook): uPlot.Axis {
  return {
    ...axisLook(palette),
    scale: "y",
    side: 1,
    size: TAG_GUTTER,
    gap: 6,
    space: 26,
    border: { show: false },
    // Written together with the tags, which stand over them and change more often.
    values: (_, splits) => {
      grid.y = splits;
      return splits.map(() => "");
    },
    // The library's own ticks of a logarithmic scale run out of memory where values are beyond 1e32.
    ...(logScale ? { splits: (_chart, _axis, low, high) => logSplits(low, high), filter: (_, splits) => splits } : {}),
  };
}

function axisLook(palette: Palette): uPlot.Axis {
  const border = { show: true, stroke: palette.colour("var(--border-color)"), width: 1 };
  return {
    stroke: palette.colour("var(--text-dim)"),
    font: palette.font(11),
    grid: { show: false },
    ticks: { show: false },
    border,
  };
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

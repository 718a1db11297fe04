import type uPlot from "uplot";
import type { Palette } from "./palette";
import type { Grid } from "./plugins/curves";
import { multiples, spanLabels, stepLabels, TIME_GAPS, valueLabels, wallLabels } from "./ticks";

/** Room at the right for what is written there together with the tags, which change more often than an axis. */
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
  /** Told where the ticks of the x axis are; who draws the lines draws the grid. */
  grid: Grid;
}

/** All that the chart library is told: it has an x axis and a cursor, and draws no line. */
export function chartOptions(look: ChartLook): uPlot.Options {
  return {
    width: look.width,
    height: look.height,
    padding: [8, TAG_GUTTER, 0, 18],
    legend: { show: false },
    scales: {
      x: { time: false, auto: false },
      y: { auto: false, ...(look.logScale ? { distr: 3 as const } : {}) },
    },
    series: [{}],
    // Without a second axis the library would have one of its own.
    axes: [xAxis(look), { show: false }],
    cursor: cursorOptions(look),
    plugins: look.plugins,
    // Where its numbers have too many digits, the library has no ticks and tells of none.
    hooks: {
      setScale: [
        () => {
          look.grid.x = [];
        },
      ],
    },
  };
}

function xAxis({ palette, xKind, zone, grid }: ChartLook): uPlot.Axis {
  const isTime = xKind === "relative" || xKind === "wall";
  return {
    ...axisLook(palette),
    size: X_AXIS_HEIGHT,
    gap: 3,
    space: 70,
    splits: (_chart, _axis, low, high, gap) => multiples(low, high, gap),
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

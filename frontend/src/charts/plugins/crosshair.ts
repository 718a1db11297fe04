import type uPlot from "uplot";
import { step, value } from "../../lib/format";
import { nearest } from "../axis";
import type { DrawnLine } from "../line";
import { marksNear, type PlacedMark } from "../mark";
import type { XKind } from "../options";
import type { Palette } from "../palette";
import { type Exact, readings } from "../readings";
import { Readout, ROW_PX, tableOf } from "../readout";
import type { Reduced } from "../reduce";
import { spanText, wallText } from "../ticks";
import { soon } from "../turns";

/** What the read-out tells, looked up whenever it moves. */
export interface ReadoutView {
  lines: readonly DrawnLine[];
  drawn: readonly Reduced[];
  /** The x of all lines, ascending: a pointer stands on the nearest one. */
  x: readonly number[];
  marks: readonly PlacedMark[];
  xKind: XKind;
  zone?: string | undefined;
  /** Step of the first run at an x; null when it has none there. */
  stepAt(x: number): number | null;
  /** Where the crosshair stands while no pointer is over the chart. */
  at: number | null;
  /** The values there, as far as they were read. */
  exact: Exact | null;
}

const MARK_REACH_PX = 5;
const MOST_MARKS = 3;
const FRAME_PX = 44;

/** A box beside the crosshair with the value of every line, the largest first, and what happened there. */
export function crosshairPlugin(
  view: () => ReadoutView,
  palette: Palette,
): uPlot.Plugin & { refresh(chart: uPlot): void } {
  const readout = new Readout(palette);
  const refresh = (chart: uPlot) => {
    const now = view();
    const place = placeOf(chart, now);
    if (place === null) readout.hide();
    else show(chart, readout, place, now);
  };
  let follow = () => {};
  return {
    refresh,
    hooks: {
      init: (chart) => {
        chart.over.append(readout.box);
        follow = () => refresh(chart);
      },
      // The chart under the pointer is ahead of those that move with it.
      setCursor: (chart) => (chart.cursor.event ? refresh(chart) : soon(follow)),
      draw: refresh,
    },
  };
}

/** Under the pointer, else where the crosshair was put, as long as it is in view. */
function placeOf(chart: uPlot, { x, at }: ReadoutView): Place | null {
  const { left = -1 } = chart.cursor;
  const pointed = left < 0 ? undefined : x[nearest(x, chart.posToVal(left, "x"))];
  if (pointed !== undefined) return { x: pointed, left, put: false };
  if (at === null) return null;
  const place = chart.valToPos(at, "x");
  return place < 0 || place > widthOf(chart) ? null : { x: at, left: place, put: true };
}

interface Place {
  x: number;
  left: number;
  /** Somebody put it there; no pointer is over the chart. */
  put: boolean;
}

function show(chart: uPlot, readout: Readout, { x, left, put }: Place, view: ReadoutView): void {
  const reach = Math.abs(chart.posToVal(MARK_REACH_PX, "x") - chart.posToVal(0, "x"));
  const room = { width: widthOf(chart), height: chart.bbox.height / (devicePixelRatio || 1) };
  const most = Math.max(1, Math.floor((room.height - FRAME_PX) / ROW_PX));
  const marks = marksNear(view.marks, x, reach).slice(0, MOST_MARKS);
  const found = readings(view.lines, view.drawn, x, put ? view.exact : null);
  readout.show(tableOf(headingOf(chart, x, view), found, marks, most), room);
  readout.place(left, room.width);
}

function widthOf(chart: uPlot): number {
  return chart.bbox.width / (devicePixelRatio || 1);
}

function headingOf(chart: uPlot, x: number, { xKind, zone, stepAt }: ReadoutView): string {
  if (xKind === "step") return `STEP ${step(x)}`;
  const { min = 0, max = 0 } = chart.scales.x ?? {};
  const gap = Math.min(Math.abs((max ?? 0) - (min ?? 0)) / 100, 59);
  const place = { relative: () => `+${spanText(x, gap)}`, wall: () => wallText(x, gap, zone), metric: () => value(x) };
  const at = stepAt(x);
  return `${place[xKind]()}${at === null ? "" : ` · STEP ${step(Math.round(at))}`}`;
}

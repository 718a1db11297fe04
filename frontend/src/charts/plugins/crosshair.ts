import type uPlot from "uplot";
import { step, value } from "../../lib/format";
import { nearest } from "../axis";
import type { Cell } from "../data";
import type { DrawnLine } from "../line";
import { type Mark, marksNear } from "../mark";
import { valueColumn, type XKind } from "../options";
import { spanText, wallText } from "../ticks";

export interface Reading {
  name: string;
  colour: string;
  y: number;
  /** The smoothed value beside it; null when nothing is smoothed. */
  smooth: number | null;
}

/** What the read-out tells, looked up whenever it moves. */
export interface ReadoutView {
  lines: readonly DrawnLine[];
  marks: readonly Mark[];
  smooth: boolean;
  xKind: XKind;
  zone?: string | undefined;
  /** Where the crosshair stands while no pointer is over the chart. */
  at: number | null;
}

/** Value of a line at a place of the shared x: there, else at its own point before; null beyond its ends. */
export function readAt(cells: readonly Cell[], index: number): number | null {
  const here = cells[index];
  if (typeof here === "number") return here;
  let after = index + 1;
  while (after < cells.length && typeof cells[after] !== "number") after++;
  if (after >= cells.length) return null;
  for (let place = index - 1; place >= 0; place--) {
    const cell = cells[place];
    if (typeof cell === "number") return cell;
  }
  return null;
}

/** What the lines say at a place of the shared x, the largest first. */
export function readings(
  lines: readonly DrawnLine[],
  data: uPlot.AlignedData,
  index: number,
  smooth = false,
): Reading[] {
  const found = lines.flatMap((line, place) => {
    if (line.ghost) return [];
    const column = valueColumn(place, smooth);
    const y = readAt((data[column] ?? []) as Cell[], index);
    if (y === null) return [];
    const eased = smooth ? readAt((data[column + 3] ?? []) as Cell[], index) : null;
    return [{ name: line.name, colour: line.paint, y, smooth: eased }];
  });
  return found.sort((left, right) => right.y - left.y);
}

const MARK_REACH_PX = 5;

/** A box beside the crosshair with the value of every line, the largest first, and what happened there. */
export function crosshairPlugin(view: () => ReadoutView): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "chart-readout";
  box.hidden = true;
  const refresh = (chart: uPlot) => {
    const place = placeOf(chart, view().at);
    box.hidden = place === null;
    if (place !== null) show(chart, box, place, view());
  };
  return {
    hooks: {
      init: (chart) => {
        chart.over.append(box);
      },
      setCursor: refresh,
      draw: refresh,
    },
  };
}

/** Under the pointer, else where the crosshair was put, as long as it is in view. */
function placeOf(chart: uPlot, at: number | null): { index: number; left: number } | null {
  const { idx, left = -1 } = chart.cursor;
  if (typeof idx === "number" && left >= 0) return { index: idx, left };
  const x = chart.data[0] ?? [];
  const index = at === null ? -1 : nearest(x as ArrayLike<number>, at);
  if (index < 0) return null;
  const place = chart.valToPos(at as number, "x");
  return place < 0 || place > chart.over.clientWidth ? null : { index, left: place };
}

function show(
  chart: uPlot,
  box: HTMLElement,
  { index, left }: { index: number; left: number },
  view: ReadoutView,
): void {
  const x = chart.data[0]?.[index] ?? 0;
  const title = document.createElement("div");
  title.className = "chart-readout-step";
  title.textContent = headingOf(chart, x, view);
  const reach = Math.abs(chart.posToVal(MARK_REACH_PX, "x") - chart.posToVal(0, "x"));
  const marks = view.xKind === "step" ? marksNear(view.marks, x, reach).slice(0, 3) : [];
  box.replaceChildren(title, ...readings(view.lines, chart.data, index, view.smooth).map(row), ...marks.map(told));
  const width = box.offsetWidth;
  const side = left + width + 14 < chart.over.clientWidth ? left + 10 : left - width - 10;
  box.style.left = `${Math.max(0, side)}px`;
}

function headingOf(chart: uPlot, x: number, { xKind, zone }: ReadoutView): string {
  const { min = 0, max = 0 } = chart.scales.x ?? {};
  const gap = Math.abs((max ?? 0) - (min ?? 0)) / 100;
  if (xKind === "relative") return `+${spanText(x, Math.min(gap, 59))}`;
  if (xKind === "wall") return wallText(x, Math.min(gap, 59), zone);
  return xKind === "metric" ? value(x) : `STEP ${step(x)}`;
}

function row(reading: Reading): HTMLElement {
  const line = document.createElement("div");
  const [mark, name, number] = [
    document.createElement("i"),
    document.createElement("span"),
    document.createElement("b"),
  ];
  mark.style.background = reading.colour;
  name.textContent = reading.name;
  number.textContent = value(reading.y);
  line.append(mark, name, number);
  if (reading.smooth !== null) {
    const eased = document.createElement("em");
    eased.textContent = value(reading.smooth);
    eased.title = "smoothed";
    line.append(eased);
  }
  return line;
}

function told(mark: Mark): HTMLElement {
  const line = document.createElement("p");
  line.className = `chart-readout-mark ${mark.kind}`;
  line.textContent = mark.text;
  return line;
}

import type uPlot from "uplot";
import { step, value } from "../../lib/format";
import type { Cell } from "../data";
import type { DrawnLine } from "../line";
import { valueColumn } from "../options";

export interface Reading {
  name: string;
  colour: string;
  y: number;
}

/** Value of a line at a place of the shared x: there, else at its own point before; null beyond its ends. */
export function readAt(cells: readonly Cell[], index: number): number | null {
  const after = cells.findIndex((cell, place) => place >= index && typeof cell === "number");
  if (after === index) return cells[index] as number;
  if (after === -1) return null;
  for (let place = index - 1; place >= 0; place--) {
    const cell = cells[place];
    if (typeof cell === "number") return cell;
  }
  return null;
}

/** What the lines say at a place of the shared x, the largest first. */
export function readings(lines: readonly DrawnLine[], data: uPlot.AlignedData, index: number): Reading[] {
  const found = lines.flatMap((line, place) => {
    const y = readAt((data[valueColumn(place)] ?? []) as Cell[], index);
    return y === null ? [] : [{ name: line.name, colour: line.paint, y }];
  });
  return found.sort((left, right) => right.y - left.y);
}

/** A box beside the crosshair with the value of every line, the largest first. */
export function crosshairPlugin(lines: () => readonly DrawnLine[]): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "chart-readout";
  box.hidden = true;
  return {
    hooks: {
      init: (chart) => {
        chart.over.append(box);
      },
      setCursor: (chart) => {
        const { idx, left = -1 } = chart.cursor;
        const index = typeof idx === "number" ? idx : -1;
        box.hidden = index < 0 || left < 0;
        if (!box.hidden) show(chart, box, index, left, lines());
      },
    },
  };
}

function show(chart: uPlot, box: HTMLElement, index: number, left: number, lines: readonly DrawnLine[]): void {
  const title = document.createElement("div");
  title.className = "chart-readout-step";
  title.textContent = `STEP ${step(chart.data[0]?.[index])}`;
  box.replaceChildren(title, ...readings(lines, chart.data, index).map(row));
  const width = box.offsetWidth;
  const side = left + width + 14 < chart.over.clientWidth ? left + 10 : left - width - 10;
  box.style.left = `${Math.max(0, side)}px`;
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
  return line;
}

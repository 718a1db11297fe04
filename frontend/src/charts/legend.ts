import { value } from "../lib/format";
import { onBeat } from "../live/beat";
import type { DrawnLine } from "./line";

const ROW_PX = 15;
const ITEM_PX = 158;
const MOST_ITEM_PX = 260;
const SMOOTHED_PX = 62;
/** The legend is left out where it would take more than this part of the chart's height, or the chart is low. */
const MOST_PART = 0.22;
const LEAST_HEIGHT_PX = 190;

/** How many columns and rows of names a chart has room for; none when they would leave too little of it. */
export function legendPlan(
  count: number,
  { width, height }: { width: number; height: number },
  smoothed: boolean,
): { columns: number; rows: number } {
  const columns = Math.max(1, Math.min(count, Math.floor(width / (ITEM_PX + (smoothed ? SMOOTHED_PX : 0)))));
  const rows = Math.ceil(count / columns);
  const fits = height >= LEAST_HEIGHT_PX && rows * ROW_PX <= height * MOST_PART;
  return { columns, rows: fits ? rows : 0 };
}

/** The newest values of a line, as text. */
export interface LegendLine {
  line: DrawnLine;
  smooth: number | null;
}

/** Names below a chart, in the order of the runs, each with its newest value and the smoothed one. */
export class Legend {
  private readonly box = document.createElement("ul");
  private made = "";
  private values: HTMLElement[] = [];
  private texts: readonly string[] = [];
  private waiting = false;

  constructor(place: HTMLElement) {
    this.box.className = "chart-legend";
    this.box.hidden = true;
    // The chart's own label tells the same.
    this.box.ariaHidden = "true";
    place.append(this.box);
  }

  /** Show what there is, values at the page's next beat; the height that it takes. */
  show(lines: readonly LegendLine[], size: { width: number; height: number }): number {
    const smoothed = lines.some(({ smooth }) => smooth !== null);
    const { columns, rows } = legendPlan(lines.length, size, smoothed);
    if (this.box.hidden !== (rows === 0)) this.box.hidden = rows === 0;
    if (rows === 0) return 0;
    const made = JSON.stringify([columns, lines.map(({ line }) => [line.name, line.paint, line.dash])]);
    this.texts = lines.map(({ line, smooth }) => {
      return smooth === null ? value(line.lastValue) : `${value(line.lastValue)} ~ ${value(smooth)}`;
    });
    if (made !== this.made) {
      this.make(lines, columns);
      this.write();
    } else if (!this.waiting) {
      this.waiting = true;
      onBeat(() => this.write());
    }
    this.made = made;
    return rows * ROW_PX + 2;
  }

  /** Texts have the page laid out, and so they change together with all others. */
  private write(): void {
    this.waiting = false;
    for (const [at, text] of this.texts.entries()) {
      const cell = this.values[at];
      if (cell && cell.textContent !== text) cell.textContent = text;
    }
  }

  private make(lines: readonly LegendLine[], columns: number): void {
    this.box.style.gridTemplateColumns = `repeat(${columns}, minmax(0, ${MOST_ITEM_PX}px))`;
    this.values = lines.map(() => document.createElement("b"));
    this.box.replaceChildren(
      ...lines.map(({ line }, at) => {
        const [item, name] = [document.createElement("li"), document.createElement("span")];
        name.textContent = line.name;
        item.append(sample(line), name, this.values[at] as HTMLElement);
        return item;
      }),
    );
  }
}

/** A short stretch of the line, dashed as it is. */
function sample({ paint, dash }: DrawnLine): SVGElement {
  const [box, stroke] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name)) as [
    SVGElement,
    SVGElement,
  ];
  box.setAttribute("viewBox", "0 0 18 2");
  stroke.setAttribute("d", "M0 1H18");
  stroke.setAttribute("stroke", paint);
  stroke.setAttribute("stroke-width", "2");
  if (dash.length > 0) stroke.setAttribute("stroke-dasharray", dash.join(" "));
  box.append(stroke);
  return box;
}

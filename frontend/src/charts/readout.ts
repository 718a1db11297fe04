import { value } from "../lib/format";
import type { DrawnLine } from "./line";
import type { PlacedMark } from "./mark";
import { lastUpTo } from "./places";
import type { Reduced } from "./reduce";

export interface Reading {
  name: string;
  colour: string;
  y: number;
  /** The smoothed value beside it; null when nothing is smoothed. */
  smooth: number | null;
  /** Least and largest value, where the entry stands for several points that differ. */
  span: readonly [number, number] | null;
}

/** Values at exactly one step, by run: finer than what is drawn. */
export type Exact = ReadonlyMap<string, number>;

/** Value of a line at an x: that of its own entry there or before; NaN where it is broken, null beyond its ends. */
export function readAt(line: Pick<Reduced, "x" | "value">, x: number): number | null {
  const at = lastUpTo(line.x, x);
  if (at < 0 || (at === line.x.length - 1 && (line.x[at] as number) < x)) return null;
  return line.value[at] ?? Number.NaN;
}

/** What the lines say at an x, the largest first; what is not finite comes last. */
export function readings(
  lines: readonly DrawnLine[],
  drawn: readonly Reduced[],
  x: number,
  exact: Exact | null = null,
): Reading[] {
  const found = lines.flatMap((line, index) => {
    const own = drawn[index];
    if (own === undefined || line.ghost) return [];
    const known = exact?.get(line.runId);
    const y = known ?? readAt(own, x);
    if (y === null) return [];
    const at = lastUpTo(own.x, x);
    const smooth = own.smooth === null ? null : (own.smooth[at] ?? null);
    const span = known === undefined ? spanAt(own, at) : null;
    return [{ name: line.name, colour: line.paint, y, smooth, span }];
  });
  const rank = ({ y }: Reading) => (Number.isFinite(y) ? y : Number.NEGATIVE_INFINITY);
  return found.sort((left, right) => rank(right) - rank(left) || 0);
}

function spanAt({ min, max }: Reduced, at: number): [number, number] | null {
  const [low, high] = [min[at], max[at]];
  return typeof low === "number" && typeof high === "number" && low < high ? [low, high] : null;
}

const BESIDE_PX = 10;
/** With more lines the least and largest values would cover the chart. */
const MOST_SPANS = 4;

interface Row {
  parts: [mark: HTMLElement, name: HTMLElement, value: HTMLElement, span: HTMLElement, smooth: HTMLElement];
}

/** The box beside the crosshair. Its parts are made once: it moves with every move of the pointer. */
export class Readout {
  readonly box = element("div", "chart-readout");
  private readonly title = element("b", "chart-readout-title");
  private readonly marks = element("div", "chart-readout-marks");
  private readonly more = element("span", "chart-readout-more");
  private readonly rows: Row[] = [];
  private shown = 0;

  constructor() {
    this.box.hidden = true;
    this.box.append(this.title, this.more, this.marks);
  }

  hide(): void {
    if (!this.box.hidden) this.box.hidden = true;
  }

  /** Say what there is, on the side of the crosshair where there is more room; at most so many lines. */
  show(title: string, found: readonly Reading[], marks: readonly PlacedMark[], most: number): void {
    write(this.title, title);
    const told = found.slice(0, most);
    const spans = told.length <= MOST_SPANS && told.every(({ smooth }) => smooth === null);
    for (const [at, reading] of told.entries()) this.tell(this.rows[at] ?? this.add(), reading, spans);
    for (let at = told.length; at < this.shown; at++) this.hideRow(at);
    this.shown = told.length;
    write(this.more, found.length > told.length ? `and ${found.length - told.length} more` : "");
    this.tellMarks(marks);
    this.box.hidden = false;
  }

  /** Moved by a transform, so that nothing has to be laid out anew. */
  place(left: number, width: number): void {
    const place = left < width / 2 ? `${left + BESIDE_PX}px` : `calc(${left - BESIDE_PX}px - 100%)`;
    this.box.style.transform = `translateX(${place})`;
  }

  private tell({ parts }: Row, { name, colour, y, smooth, span }: Reading, spans: boolean): void {
    const [mark, title, number, range, eased] = parts;
    if (mark.style.background !== colour) mark.style.background = colour;
    write(title, name);
    write(number, value(y));
    write(range, span === null || !spans ? "" : `${value(span[0])}…${value(span[1])}`);
    write(eased, smooth === null ? "" : value(smooth));
    for (const part of parts) if (part.hidden) part.hidden = false;
  }

  private hideRow(at: number): void {
    for (const part of this.rows[at]?.parts ?? []) part.hidden = true;
  }

  private add(): Row {
    const row: Row = { parts: [element("i"), element("span"), element("b"), element("small"), element("em")] };
    this.more.before(...row.parts);
    this.rows.push(row);
    return row;
  }

  private tellMarks(marks: readonly PlacedMark[]): void {
    const text = marks.map((mark) => `${mark.kind} ${mark.text}`).join("\n");
    if (this.marks.dataset.told === text) return;
    this.marks.dataset.told = text;
    this.marks.replaceChildren(
      ...marks.map((mark) => {
        const line = element("p", mark.kind);
        line.textContent = mark.text;
        return line;
      }),
    );
  }
}

function element(name: string, className = ""): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

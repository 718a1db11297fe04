import { value } from "../lib/format";
import type { Glyphs } from "./glyphs";
import { MARKS, type PlacedMark } from "./mark";
import type { Palette } from "./palette";
import { Raster, type Rgb } from "./raster";
import type { Reading } from "./readings";

const BESIDE_PX = 10;
export const ROW_PX = 16;
const PAD_PX = 6;
const SAMPLE_PX = 12;
const GAP_PX = 6;
const FONT_PX = 11;
/** With more lines the least and largest values would cover the chart. */
const MOST_SPANS = 4;
const MOST_NAME = 40;
const LEAST_NAME = 6;
/** What happened there takes so many lines at most, each. */
const MOST_LINES = 3;
/** Without any line there is room for so many characters of what happened. */
const LEAST_WIDTH = 24;

/** One for all charts: what is drawn is copied to the box at once. */
const raster = new Raster();

/** What is written in the box, as text. */
export interface Table {
  title: string;
  rows: readonly (readonly string[])[];
  colours: readonly string[];
  /** Colour of what stands beside the values. */
  beside: string;
  more: string;
  marks: readonly { text: string; colour: string }[];
}

/** How a table is laid out, in characters of one width. */
export interface Plan {
  widths: readonly number[];
  /** Characters across, all columns but the colours'. */
  across: number;
  lines: readonly { text: string; colour: string }[];
}

/** The table of what the lines say at a place, of at most so many lines, and what happened there. */
export function tableOf(title: string, found: readonly Reading[], marks: readonly PlacedMark[], most: number): Table {
  const told = found.slice(0, most);
  const smooth = told.some((reading) => reading.smooth !== null);
  const spans = told.length <= MOST_SPANS && !smooth && told.some(({ span }) => span !== null);
  return {
    title,
    rows: told.map((reading) => [
      reading.name,
      value(reading.y),
      ...(spans ? [reading.span === null ? "" : reading.span.map(value).join("…")] : []),
      ...(smooth ? [reading.smooth === null ? "" : value(reading.smooth)] : []),
    ]),
    colours: told.map(({ colour }) => colour),
    beside: smooth ? "var(--status-info)" : "var(--text-dim)",
    more: found.length > told.length ? `and ${found.length - told.length} more` : "",
    marks: marks.map(({ kind, text }) => ({ text, colour: MARKS[kind].colour })),
  };
}

/**
 * How wide each column is, with names cut so that all fit into so many characters, and texts broken into lines. The last
 * columns are left out where they find no room.
 */
export function planOf({ title, rows, more, marks }: Table, room: number): Plan {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => lengthOf(row[column] ?? ""))));
  const beside = () => widths.slice(1).reduce((sum, width) => sum + width, 0);
  // Half a number would be a wrong one.
  while (widths.length > 2 && beside() + Math.min(widths[0] ?? 0, LEAST_NAME) > room) widths.pop();
  const numbers = beside();
  if (widths[0] !== undefined) widths[0] = Math.min(widths[0], MOST_NAME, Math.max(LEAST_NAME, room - numbers));
  const needed = Math.max(
    lengthOf(title),
    lengthOf(more),
    widths.reduce((sum, width) => sum + width, 0),
  );
  const across = Math.min(room, marks.length > 0 ? Math.max(needed, LEAST_WIDTH) : needed);
  const lines = marks.flatMap(({ text, colour }) => broken(text, across).map((line) => ({ text: line, colour })));
  return { widths, across, lines };
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** A text with an ellipsis in place of what does not fit. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

function broken(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = [...text.replaceAll(/\s+/g, " ")];
  while (rest.length > width && lines.length < MOST_LINES - 1) {
    const space = rest.lastIndexOf(" ", width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end).join(""));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...lines, cut(rest.join(""), width)];
}

/**
 * The box beside the crosshair. It changes with every move of the pointer, in all charts at once, and so it is drawn: to
 * have the page laid out for it took most of each frame. Who reads the page's text finds it inside all the same.
 */
export class Readout {
  readonly box = document.createElement("canvas");
  private width = 0;
  private ratio = 0;

  constructor(private readonly palette: Palette) {
    this.box.className = "chart-readout";
    this.box.hidden = true;
  }

  hide(): void {
    if (!this.box.hidden) this.box.hidden = true;
  }

  /** Say what there is; `room` is the chart's size in pixels of the page. */
  show(table: Table, room: { width: number; height: number }): void {
    const ratio = devicePixelRatio || 1;
    const glyphs = this.palette.glyphs(FONT_PX * ratio, 400);
    const sides = (2 * PAD_PX + SAMPLE_PX + GAP_PX * Math.max(1, table.rows[0]?.length ?? 1)) * ratio;
    const most = Math.min(room.width * 0.75, room.width / 2 + 40) * ratio;
    const plan = planOf(table, Math.max(LEAST_NAME, Math.floor((most - sides) / glyphs.advance)));
    const count = 1 + table.rows.length + (table.more === "" ? 0 : 1) + plan.lines.length;
    const width = Math.ceil(sides + plan.across * glyphs.advance);
    const height = Math.ceil((count * ROW_PX + PAD_PX) * ratio);
    this.fit(Math.ceil(Math.max(most, width)), Math.ceil(Math.max(room.height * ratio, height)), ratio);
    this.paint(table, plan, glyphs, width, height, ratio);
    this.width = width / ratio;
    write(this.box, [table.title, ...table.rows.flat(), table.more, ...table.marks.map(({ text }) => text)].join(""));
    if (this.box.hidden) this.box.hidden = false;
  }

  /** On the side of the crosshair where there is more room; moved by a transform, so that nothing is laid out anew. */
  place(left: number, width: number): void {
    const place = left < width / 2 ? left + BESIDE_PX : left - BESIDE_PX - this.width;
    this.box.style.transform = `translateX(${place}px)`;
  }

  /** As large as the box may ever be: another size would have the page laid out. */
  private fit(width: number, height: number, ratio: number): void {
    const { box } = this;
    const isKnown = ratio === this.ratio && box.width < width * 1.5;
    if (isKnown && box.width >= width && box.height >= height) return;
    this.ratio = ratio;
    [box.width, box.height] = [width, height];
    [box.style.width, box.style.height] = [`${width / ratio}px`, `${height / ratio}px`];
  }

  private paint(table: Table, plan: Plan, glyphs: Glyphs, width: number, height: number, ratio: number): void {
    const context = this.box.getContext("2d");
    if (context === null) return;
    const { palette } = this;
    raster.clear(width, height, palette.rgb("var(--border-color)"));
    const edge = Math.max(1, Math.round(ratio));
    raster.fill(edge, edge, width - edge, height - edge, palette.rgb("var(--bg-primary)"));
    let y = (PAD_PX / 2 + ROW_PX / 2) * ratio;
    const line = (text: string, colour: Rgb) => {
      glyphs.write(raster, cut(text, plan.across), PAD_PX * ratio, y, colour);
      y += ROW_PX * ratio;
    };
    line(table.title, palette.rgb("var(--text-secondary)"));
    for (const [at, row] of table.rows.entries()) {
      const colours = [table.colours[at] ?? "", "var(--text-primary)", "var(--text-value)", table.beside];
      this.row(row, colours.map(palette.rgb), plan, glyphs, y, ratio);
      y += ROW_PX * ratio;
    }
    if (table.more !== "") line(table.more, palette.rgb("var(--text-dim)"));
    for (const { text, colour } of plan.lines) line(text, palette.rgb(colour));
    context.clearRect(0, 0, this.box.width, this.box.height);
    context.putImageData(new ImageData(raster.pixels, width, height), 0, 0);
  }

  private row(
    row: readonly string[],
    [sample, ...colours]: readonly Rgb[],
    plan: Plan,
    glyphs: Glyphs,
    y: number,
    ratio: number,
  ): void {
    const [left, thick] = [Math.round(PAD_PX * ratio), Math.round(2 * ratio)];
    const top = Math.round(y - ratio);
    raster.fill(left, top, left + Math.round(SAMPLE_PX * ratio), top + thick, sample as Rgb);
    let right = (PAD_PX + SAMPLE_PX) * ratio;
    for (const [column, width] of plan.widths.entries()) {
      const text = row[column] ?? "";
      right += GAP_PX * ratio + width * glyphs.advance;
      const paint = colours[column] as Rgb;
      if (column > 0) glyphs.write(raster, text, right, y, paint, "right");
      else glyphs.write(raster, cut(text, width), right - width * glyphs.advance, y, paint);
    }
  }
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

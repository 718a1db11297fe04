import type uPlot from "uplot";
import { lowerBound } from "../../live/series";
import type { DrawnLine } from "../line";
import type { PlacedMark } from "../mark";
import type { Palette } from "../palette";
import { Raster, type Rgb, type Stroke } from "../raster";
import type { Cell, Reduced } from "../reduce";
import { evenSplits, logSplits } from "../ticks";
import { drawEnds } from "./ends";
import { drawMarks } from "./marks";
import { drawGutter } from "./tags";

/** Places of the grid's lines, in data: `x` is told by the axis, `y` known as soon as the lines are drawn. */
export interface Grid {
  x: readonly number[];
  y: readonly number[];
}

/** What is drawn of the lines, looked up whenever the chart is drawn. */
export interface CurvesView {
  lines: readonly DrawnLine[];
  drawn: readonly Reduced[];
  /** From which x on each line is not what it was when it was drawn last. */
  changed: readonly number[];
  marks: readonly PlacedMark[];
  grid: Grid;
  /** Where the crosshair was put. */
  at: number | null;
}

/** The picture's place and size in pixels of the canvas, and what it shows. */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  x: readonly [low: number, high: number];
  y: readonly [low: number, high: number];
  logScale: boolean;
}

/** Labels of values are so far apart at least. */
const LABEL_SPACE_PX = 26;
const BAND_OPACITY = { usual: 0.18, smoothed: 0.1, ghost: 0.06 };
const FAINT = { ghost: 0.45, smoothed: 0.3 };
const DOT_RADIUS_PX = 2.5;
const END_RADIUS_PX = 3;
/** A thicker line would hide its neighbours where there are many. */
const MOST_BOLD = 3;
const BOLD_PX = 1.5;
/** How far the end of a line, with its dot, reaches to the left. */
const END_PX = 5;
/** So far outside is outside all the same; much farther, the slope of what comes in would be lost. */
const FAR_PX = 1e6;

/**
 * All that is inside the axes, and what stands in the gutter beside it. As long as the scales stay, or move on by whole
 * pixels, only what is new is drawn: a chart that follows a run takes a fraction of the time of one that is drawn whole.
 */
export class Curves {
  private readonly picture: Picture;

  constructor(
    private readonly view: () => CurvesView,
    private readonly palette: Palette,
  ) {
    this.picture = new Picture(palette);
  }

  /** The library empties the canvas before it draws its axes, and then has all the rest drawn. */
  plugin(): uPlot.Plugin {
    return { hooks: { draw: (chart) => this.draw(chart, true) } };
  }

  /** Draw what changed, or all. */
  draw(chart: uPlot, whole = false): void {
    const frame = frameOf(chart);
    if (frame.width < 1 || frame.height < 1) return;
    const view = this.view();
    view.grid.y = ticksOf(frame);
    const from = this.picture.draw(view, frame);
    this.show(chart, view, frame, whole ? 0 : from);
    drawGutter(chart, view.lines.filter(isTold), view.grid.y, this.palette);
  }

  private show(chart: uPlot, view: CurvesView, { left, top, width, height }: Frame, from: number): void {
    if (from >= width) return;
    const { ctx } = chart;
    ctx.putImageData(new ImageData(this.picture.pixels, width, height), left, top, from, 0, width - from, height);
    if (!hasMore(view)) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left + from, top, width - from, height);
    ctx.clip();
    drawEnds(chart, view.lines.filter(isTold), this.palette);
    drawMarks(chart, view.marks, view.at, this.palette);
    ctx.restore();
  }
}

/** Whether there is more to draw than lines. */
function hasMore({ lines, marks, at }: CurvesView): boolean {
  return marks.length > 0 || at !== null || lines.some(({ failed, nonfinite }) => failed || nonfinite.length > 0);
}

function isTold({ ghost }: DrawnLine): boolean {
  return !ghost;
}

function frameOf({ bbox, scales }: uPlot): Frame {
  const range = ({ min, max }: Pick<uPlot.Scale, "min" | "max"> = {}) => [min ?? 0, max ?? 1] as const;
  return {
    left: Math.round(bbox.left),
    top: Math.round(bbox.top),
    width: Math.round(bbox.width),
    height: Math.round(bbox.height),
    x: range(scales.x),
    y: range(scales.y),
    logScale: scales.y?.distr === 3,
  };
}

/** The library's own ticks end at numbers of 17 digits. */
function ticksOf({ y: [low, high], height, logScale }: Frame): number[] {
  const most = height / (LABEL_SPACE_PX * (devicePixelRatio || 1));
  return logScale ? logSplits(low, high) : evenSplits(low, high, most);
}

/** The picture of the lines, kept from one time to the next. */
export class Picture {
  private readonly raster = new Raster();
  private last: { frame: Frame; look: string; over: string } | null = null;
  /** Columns that the picture moved since it was drawn whole. */
  private moved = 0;

  constructor(private readonly palette: Palette) {}

  get pixels(): Uint8ClampedArray<ArrayBuffer> {
    return this.raster.pixels;
  }

  /** The first column that is not what it was the time before; the picture's width when all is. */
  draw(view: CurvesView, frame: Frame): number {
    const [look, over] = [lookOf(view), overOf(view)];
    const by = this.last?.look === look ? stepsBetween(this.last.frame, frame) : null;
    const place = placer(frame);
    const from = by === null ? 0 : Math.max(0, Math.min(frame.width - by, firstChanged(view, place)));
    if (by !== null && by > 0) this.raster.scroll(by);
    this.moved = by === null ? 0 : this.moved + by;
    if (from < frame.width) this.paint(view, frame, place, from);
    const isSame = by === 0 && this.last?.over === over;
    this.last = { frame, look, over };
    return isSame ? from : 0;
  }

  private paint({ lines, drawn, grid }: CurvesView, { width, height }: Frame, place: Placer, from: number): void {
    const { raster, palette } = this;
    const ratio = devicePixelRatio || 1;
    raster.clear(width, height, palette.rgb("var(--bg-secondary)"), from);
    this.rules(grid, place);
    const shown = lines.flatMap((line, at): Shown[] => {
      const own = drawn[at];
      if (own === undefined || own.x.length === 0) return [];
      return [{ line, own, first: firstNear(own, place, from), colour: palette.rgb(line.paint) }];
    });
    for (const each of shown) if (hasBand(each.own)) this.band(each, place);
    const bold = (lines.length > MOST_BOLD ? 1 : BOLD_PX) * ratio;
    for (const each of shown) this.curve(each, place, bold, ratio);
    for (const { line, colour } of shown) this.end(line, colour, place, ratio);
  }

  private rules(grid: Grid, place: Placer): void {
    const colour = this.palette.rgb("var(--grid-line)");
    for (const x of grid.x) if (x !== null) this.raster.rule(place.x(x), "down", colour);
    for (const y of grid.y) if (y !== null) this.raster.rule(place.y(y), "across", colour);
  }

  /** A dot where a line ends; one above or below the chart is held at its edge. That of a failed run has a cross. */
  private end({ end, failed, ghost }: DrawnLine, colour: Rgb, place: Placer, ratio: number): void {
    if (end === null || failed || ghost) return;
    const y = place.y(end.y);
    const held = Math.min(this.raster.height, Math.max(0, Number.isNaN(y) ? this.raster.height : y));
    this.raster.dots([place.x(end.x)], [held], 1, END_RADIUS_PX * ratio, colour);
  }

  private band({ line, own, first, colour }: Shown, place: Placer): void {
    const count = put(own, own.min, place, first);
    scratch.low.set(scratch.y.subarray(0, count));
    const length = put(own, own.max, place, first);
    const { usual, smoothed, ghost } = BAND_OPACITY;
    const opacity = line.ghost ? ghost : own.smooth === null ? usual : smoothed;
    this.raster.band(scratch.x, scratch.y, scratch.low, length, colour, opacity);
  }

  /** The course, faint where a smoothed one stands before it, and its points where they are few. */
  private curve({ line, own, first, colour }: Shown, place: Placer, bold: number, ratio: number): void {
    const isFaint = own.smooth !== null || line.ghost === true;
    const opacity = line.ghost ? FAINT.ghost : own.smooth === null ? 1 : FAINT.smoothed;
    const dash = line.dash.map((part) => part * ratio);
    const look: Stroke = { colour, opacity, width: isFaint ? ratio : bold, dash, phase: this.moved };
    const length = put(own, own.value, place, first);
    this.raster.line(scratch.x, scratch.y, length, look);
    if (line.sparse) this.raster.dots(scratch.x, scratch.y, length, DOT_RADIUS_PX * ratio, colour, opacity);
    if (own.smooth === null || line.ghost) return;
    const smooth = put(own, own.smooth, place, first);
    this.raster.line(scratch.x, scratch.y, smooth, { ...look, opacity: 1, width: BOLD_PX * ratio });
  }
}

interface Shown {
  line: DrawnLine;
  own: Reduced;
  /** The first entry that has to be drawn. */
  first: number;
  colour: Rgb;
}

/** Whether entries stand for several points. */
function hasBand({ points, drawn }: Reduced): boolean {
  return points !== drawn;
}

/** What of the lines decides how all of them are drawn. */
function lookOf({ lines, drawn, grid }: CurvesView): string {
  const looks = lines.map(({ paint, dash, ghost, failed, sparse }, at) => {
    const own = drawn[at];
    const entries = own && `${own.x.length > 0} ${hasBand(own)} ${own.smooth === null}`;
    return `${paint} ${dash.join()} ${ghost} ${failed} ${sparse} ${entries}`;
  });
  return `${devicePixelRatio} ${grid.y.join()} ${looks.join()}`;
}

/** What lies over the lines at places that are not their ends. */
function overOf({ lines, marks, at }: CurvesView): string {
  const told = lines.map(({ failed, name, end, nonfinite, lastValue }) => {
    // Only so many of the values that were not finite are kept: their number alone does not tell of new ones.
    return `${failed ? `${name} ${end?.x}` : ""} ${nonfinite.length} ${nonfinite.at(-1)} ${Number.isFinite(lastValue)}`;
  });
  return `${at} ${told.join()} ${marks.map(({ kind, x }) => `${kind}${x}`).join()}`;
}

/** By how many whole pixels the picture has to move to the left; null when that is not all. */
function stepsBetween(before: Frame, now: Frame): number | null {
  const alike = (["width", "height", "logScale"] as const).every((name) => before[name] === now[name]);
  if (!alike || before.y[0] !== now.y[0] || before.y[1] !== now.y[1]) return null;
  const span = now.x[1] - now.x[0];
  if (Math.abs(before.x[1] - before.x[0] - span) > span * 1e-9) return null;
  const by = ((now.x[0] - before.x[0]) / span) * now.width;
  const whole = Math.round(by);
  return whole >= 0 && whole < now.width && Math.abs(by - whole) < 1e-3 ? whole : null;
}

/** Column from which on anything of a line is new. */
function firstChanged({ drawn, changed }: CurvesView, place: Placer): number {
  let first = Number.POSITIVE_INFINITY;
  for (const [at, own] of drawn.entries()) {
    const since = changed[at] ?? Number.NEGATIVE_INFINITY;
    if (own.x.length === 0 || since === Number.POSITIVE_INFINITY) continue;
    // The stretch up to the first entry that is new is new as well.
    const entry = lowerBound(own.x, own.x.length, since) - 1;
    first = Math.min(first, entry < 0 ? 0 : place.x(own.x[entry] as number));
  }
  return Math.floor(first - END_PX * (devicePixelRatio || 1));
}

/** First entry of a line that reaches a column. */
function firstNear({ x }: Reduced, place: Placer, column: number): number {
  if (column === 0) return 0;
  const near = column - END_PX * (devicePixelRatio || 1);
  let at = x.length - 1;
  while (at > 0 && place.x(x[at] as number) >= near) at -= 1;
  return at;
}

const scratch = { x: new Float64Array(0), y: new Float64Array(0), low: new Float64Array(0) };

/** Where the cells of a line stand in the picture, into `scratch`; those that are not there are passed over. */
function put({ x }: Reduced, cells: readonly Cell[], place: Placer, first: number): number {
  if (x.length > scratch.x.length) {
    for (const name of ["x", "y", "low"] as const) scratch[name] = new Float64Array(x.length * 2);
  }
  let length = 0;
  let start = first;
  // What is drawn across a gap comes from before it.
  while (start > 0 && cells[start] === undefined) start -= 1;
  for (let at = start; at < x.length; at++) {
    const cell = cells[at];
    if (cell === undefined) continue;
    scratch.x[length] = place.x(x[at] as number);
    scratch.y[length] = cell === null ? Number.NaN : place.y(cell);
    length += 1;
  }
  return length;
}

interface Placer {
  x(value: number): number;
  /** NaN for what a logarithmic scale can't show. */
  y(value: number): number;
}

/** Where values stand in the picture: the library's own way, without looking its scales up for each of them. */
function placer({ width, height, x: [low, high], y: [min, max], logScale }: Frame): Placer {
  const scale = logScale ? (value: number) => (value > 0 ? Math.log10(value) : Number.NaN) : Number;
  const [bottom, top] = [scale(min), scale(max)];
  const across = width / (high - low);
  const up = height / (top - bottom);
  const near = (place: number) => Math.min(FAR_PX, Math.max(-FAR_PX, place));
  return {
    x: (value) => near((value - low) * across),
    y: (value) => near(height - (scale(value) - bottom) * up),
  };
}

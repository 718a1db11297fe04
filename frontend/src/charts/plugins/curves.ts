import type uPlot from "uplot";
import type { DrawnLine } from "../line";
import type { Palette } from "../palette";
import { Raster, type Rgb, type Stroke } from "../raster";
import type { Cell, Reduced } from "../reduce";

/** Places of the grid's lines on either axis, in data. */
export interface Grid {
  x: readonly (number | null)[];
  y: readonly (number | null)[];
}

/** What is drawn of the lines, looked up whenever the chart is drawn. */
export interface CurvesView {
  lines: readonly DrawnLine[];
  drawn: readonly Reduced[];
  grid: Grid;
}

const BAND_OPACITY = { usual: 0.18, smoothed: 0.1, ghost: 0.06 };
const FAINT = { ghost: 0.45, smoothed: 0.3 };
const DOT_RADIUS_PX = 2.5;
/** So far outside is outside all the same; much farther, the slope of what comes in would be lost. */
const FAR_PX = 1e6;
/** A thicker line would hide its neighbours where there are many. */
const MOST_BOLD = 3;
const BOLD_PX = 1.5;

/** One for all charts: what is drawn is copied to the chart at once. */
const raster = new Raster();
const scratch = { x: new Float64Array(0), y: new Float64Array(0), low: new Float64Array(0) };

/** Ground, grid, bands between the least and the largest values, and lines: all that is inside the axes. */
export function curvesPlugin(view: () => CurvesView, palette: Palette): uPlot.Plugin {
  return {
    hooks: {
      drawAxes: (chart) => {
        const { ctx, bbox } = chart;
        const [width, height] = [Math.round(bbox.width), Math.round(bbox.height)];
        if (width < 1 || height < 1) return;
        const { pixels } = draw(view(), chart.scales, { width, height }, palette);
        ctx.putImageData(new ImageData(pixels, width, height), Math.round(bbox.left), Math.round(bbox.top));
      },
    },
  };
}

type Scales = Readonly<Record<string, Pick<uPlot.Scale, "min" | "max" | "distr">>>;

/** The picture, in pixels of the screen; valid until the next one is drawn. */
export function draw(
  { lines, drawn, grid }: CurvesView,
  scales: Scales,
  { width, height }: { width: number; height: number },
  palette: Palette,
): Raster {
  const place = placer(scales, width, height);
  const ratio = devicePixelRatio || 1;
  raster.clear(width, height, palette.rgb("var(--bg-secondary)"));
  const rule = palette.rgb("var(--grid-line)");
  for (const x of grid.x) if (x !== null) raster.rule(place.x(x), "down", rule);
  for (const y of grid.y) if (y !== null) raster.rule(place.y(y), "across", rule);
  const shown = lines.flatMap((line, at) => {
    const own = drawn[at];
    return own === undefined || own.x.length === 0 ? [] : [{ line, own, colour: palette.rgb(line.paint) }];
  });
  for (const { line, own, colour } of shown) {
    if (own.points !== own.drawn) band(own, place, colour, bandOpacity(line, own));
  }
  const bold = (lines.length > MOST_BOLD ? 1 : BOLD_PX) * ratio;
  for (const { line, own, colour } of shown) curve(line, own, place, colour, bold, ratio);
  return raster;
}

function bandOpacity({ ghost }: DrawnLine, { smooth }: Reduced): number {
  return ghost ? BAND_OPACITY.ghost : smooth === null ? BAND_OPACITY.usual : BAND_OPACITY.smoothed;
}

/** The course, faint where a smoothed one stands before it, and its points where they are few. */
function curve(line: DrawnLine, own: Reduced, place: Placer, colour: Rgb, bold: number, ratio: number): void {
  const dash = line.dash.map((part) => part * ratio);
  const opacity = line.ghost ? FAINT.ghost : own.smooth === null ? 1 : FAINT.smoothed;
  const width = own.smooth === null && !line.ghost ? bold : ratio;
  stroke(own.x, own.value, place, { colour, opacity, width, dash });
  if (line.sparse) {
    const length = put(own.x, own.value, place);
    raster.dots(scratch.x, scratch.y, length, DOT_RADIUS_PX * ratio, colour, opacity);
  }
  if (own.smooth !== null && !line.ghost) {
    stroke(own.x, own.smooth, place, { colour, opacity: 1, width: BOLD_PX * ratio, dash });
  }
}

function stroke(x: readonly number[], cells: readonly Cell[], place: Placer, look: Stroke): void {
  const length = put(x, cells, place);
  raster.line(scratch.x, scratch.y, length, look);
}

function band({ x, min, max }: Reduced, place: Placer, colour: Rgb, opacity: number): void {
  put(x, min, place);
  scratch.low.set(scratch.y);
  const length = put(x, max, place);
  raster.band(scratch.x, scratch.y, scratch.low, length, colour, opacity);
}

/** Where the cells of a line stand in the picture, into `scratch`; those that are not there are passed over. */
function put(x: readonly number[], cells: readonly Cell[], place: Placer): number {
  if (x.length > scratch.x.length) {
    for (const name of ["x", "y", "low"] as const) scratch[name] = new Float64Array(x.length * 2);
  }
  let length = 0;
  for (let at = 0; at < x.length; at++) {
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
function placer(scales: Scales, width: number, height: number): Placer {
  const { min: low = 0, max: high = 1 } = scales.x ?? {};
  const { min = 0, max = 1, distr } = scales.y ?? {};
  const scale = distr === 3 ? (value: number) => (value > 0 ? Math.log10(value) : Number.NaN) : Number;
  const [bottom, top] = [scale(min as number), scale(max as number)];
  const across = width / ((high as number) - (low as number));
  const up = height / (top - bottom);
  const near = (place: number) => Math.min(FAR_PX, Math.max(-FAR_PX, place));
  return {
    x: (value) => near((value - (low as number)) * across),
    y: (value) => near(height - (scale(value) - bottom) * up),
  };
}

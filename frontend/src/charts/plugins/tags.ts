import type uPlot from "uplot";
import { value } from "../../lib/format";
import type { DrawnLine } from "../line";
import { TAG_GUTTER } from "../options";
import type { Palette } from "../palette";
import { Raster } from "../raster";
import { logLabels, valueLabels } from "../ticks";
import { heightOf } from "./place";

const HEIGHT = 15;
const LABEL_GAP = 6;
/** A label at the very bottom reaches so far below the chart. */
const BELOW_PX = 3;

export interface Tag {
  y: number;
  text: string;
  colour: string;
}

/**
 * Move tags apart until none covers another and all stand between `top` and `bottom`; their order stays. Tags
 * that don't fit at all are left out, those of the last lines first.
 */
export function spreadTags(tags: readonly Tag[], top: number, bottom: number, height: number): Tag[] {
  const room = Math.max(1, Math.floor((bottom - top) / height));
  const placed = tags.slice(0, room).sort((left, right) => left.y - right.y);
  let free = top;
  const pushed = placed.map((tag) => {
    const y = Math.max(free, Math.min(tag.y - height / 2, bottom - height));
    free = y + height;
    return { ...tag, y };
  });
  let limit = bottom;
  return pushed
    .reverse()
    .map((tag) => {
      const y = Math.min(tag.y, limit - height);
      limit = y;
      return { ...tag, y };
    })
    .reverse();
}

/** One for all charts: what is drawn is copied to the chart at once. */
const raster = new Raster();

/** What stands beside the axis at the right: the values of the grid's lines, and over them each line's last value. */
export function drawGutter(
  chart: uPlot,
  lines: readonly DrawnLine[],
  places: readonly number[],
  palette: Palette,
): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio || 1;
  const [left, bottom] = [Math.round(bbox.left) + Math.round(bbox.width), Math.round(bbox.top + bbox.height)];
  const [width, height] = [ctx.canvas.width - left, bottom + Math.round(BELOW_PX * ratio)];
  if (width < 1) return;
  raster.clear(width, height, palette.rgb("var(--bg-secondary)"));
  raster.fill(0, Math.round(bbox.top), Math.max(1, Math.round(ratio)), bottom, palette.rgb("var(--border-color)"));
  drawScale(chart, places, palette, ratio);
  drawTags(chart, lines, palette, ratio);
  ctx.putImageData(new ImageData(raster.pixels, width, height), left, 0);
}

function drawScale(chart: uPlot, places: readonly number[], palette: Palette, ratio: number): void {
  const glyphs = palette.glyphs(11 * ratio, 400);
  const colour = palette.rgb("var(--text-dim)");
  const texts = chart.scales.y?.distr === 3 ? logLabels(places) : valueLabels(places);
  for (const [at, place] of places.entries()) {
    glyphs.write(raster, texts[at] ?? "", LABEL_GAP * ratio, chart.valToPos(place, "y", true), colour);
  }
}

function drawTags(chart: uPlot, lines: readonly DrawnLine[], palette: Palette, ratio: number): void {
  const { top, height } = chart.bbox;
  const tags = lines.flatMap((line) => tagOf(chart, line));
  for (const tag of spreadTags(tags, top, top + height, HEIGHT * ratio)) paint(tag, ratio, palette);
}

/** A line that goes on beyond the chart has there the value with which it leaves. */
function tagOf(chart: uPlot, line: DrawnLine): Tag[] {
  if (line.end === null) return [];
  const { min = 0, max = 0 } = chart.scales.x ?? {};
  if (line.end.x < (min as number)) return [];
  if (line.end.x > (max as number)) {
    return line.edge === null ? [] : [{ y: heightOf(chart, line.edge), text: value(line.edge), colour: line.paint }];
  }
  return [{ y: heightOf(chart, line.end.y), text: value(line.lastValue), colour: line.paint }];
}

function paint(tag: Tag, ratio: number, palette: Palette): void {
  const [height, tip, right] = [(HEIGHT - 1) * ratio, 5 * ratio, (TAG_GUTTER - 2) * ratio].map(Math.round) as [
    number,
    number,
    number,
  ];
  const top = Math.round(tag.y);
  const colour = palette.rgb(tag.colour);
  raster.fill(tip, top, right, top + height, colour);
  for (let column = 0; column < tip; column++) {
    const inset = Math.round((height / 2) * (1 - (column + 1) / (tip + 1)));
    raster.fill(column, top + inset, column + 1, top + height - inset, colour);
  }
  const ground = palette.rgb("var(--bg-primary)");
  palette.glyphs(11 * ratio, 700).write(raster, tag.text, right - 3 * ratio, top + height / 2, ground, "right");
}

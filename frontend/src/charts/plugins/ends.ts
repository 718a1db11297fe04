import type uPlot from "uplot";
import { value } from "../../lib/format";
import type { DrawnLine } from "../line";
import type { Palette } from "../palette";
import { heightOf } from "./place";

/** The badge at the top says how much is drawn. */
const BELOW_BADGE_PX = 26;

/** A cross and a word where a run failed, and marks where values were not finite. */
export function drawEnds(chart: uPlot, lines: readonly DrawnLine[], palette: Palette): void {
  const ratio = devicePixelRatio || 1;
  for (const line of lines) {
    drawNonfinite(chart, line, ratio, palette);
    const place = line.failed ? placeOf(chart, line.end) : null;
    if (place !== null) drawFailure(chart, place, line.name, ratio, palette);
  }
}

/** Pixels of a point; one above or below the chart is held at its edge, one beside it is not drawn. */
function placeOf(chart: uPlot, point: DrawnLine["end"]): { x: number; y: number } | null {
  if (point === null) return null;
  const { left, width } = chart.bbox;
  const x = chart.valToPos(point.x, "x", true);
  return x < left - 1 || x > left + width + 1 ? null : { x, y: heightOf(chart, point.y) };
}

function drawFailure(
  chart: uPlot,
  place: { x: number; y: number },
  name: string,
  ratio: number,
  palette: Palette,
): void {
  const { ctx } = chart;
  const arm = 3.5 * ratio;
  ctx.strokeStyle = ctx.fillStyle = palette.colour("var(--error-text)");
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  ctx.moveTo(place.x - arm, place.y - arm);
  ctx.lineTo(place.x + arm, place.y + arm);
  ctx.moveTo(place.x + arm, place.y - arm);
  ctx.lineTo(place.x - arm, place.y + arm);
  ctx.stroke();
  ctx.font = palette.font(11 * ratio);
  const text = `FAILED ${name}`;
  const fits = place.x + 8 * ratio + ctx.measureText(text).width < chart.bbox.left + chart.bbox.width;
  ctx.textAlign = fits ? "left" : "right";
  ctx.textBaseline = "middle";
  ctx.fillText(text, place.x + (fits ? 8 : -8) * ratio, Math.max(place.y, chart.bbox.top + BELOW_BADGE_PX * ratio));
}

function drawNonfinite(chart: uPlot, line: DrawnLine, ratio: number, palette: Palette): void {
  const { ctx, bbox } = chart;
  const places = line.nonfinite.map((step) => chart.valToPos(step, "x", true));
  const seen = places.filter((x) => x >= bbox.left && x <= bbox.left + bbox.width);
  if (seen.length === 0) return;
  const bottom = bbox.top + bbox.height;
  ctx.strokeStyle = ctx.fillStyle = palette.colour("var(--error-text)");
  ctx.lineWidth = ratio;
  ctx.beginPath();
  for (const x of seen) {
    ctx.moveTo(x, bottom);
    ctx.lineTo(x, bottom - 6 * ratio);
  }
  ctx.stroke();
  ctx.font = palette.font(10 * ratio);
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(
    Number.isFinite(line.lastValue) ? "NaN" : value(line.lastValue),
    (seen[0] as number) - 2 * ratio,
    bottom,
  );
}

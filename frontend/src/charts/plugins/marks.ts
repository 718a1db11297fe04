import type uPlot from "uplot";
import { MARKS, type PlacedMark, thinned } from "../mark";
import { faded, type Palette } from "../palette";

const SIZE_PX = 4;
const GAP_PX = 7;

/** Where something happened: checkpoints on the axis, warnings and errors at the top; and where the crosshair was put. */
export function drawMarks(chart: uPlot, marks: readonly PlacedMark[], at: number | null, palette: Palette): void {
  const ratio = devicePixelRatio || 1;
  const { left, width } = chart.bbox;
  const seen = marks
    .map((mark) => ({ kind: mark.kind, x: chart.valToPos(mark.x, "x", true) }))
    .filter(({ x }) => x >= left && x <= left + width);
  for (const mark of thinned(seen, GAP_PX * ratio)) drawMark(chart, mark, SIZE_PX * ratio, palette);
  drawAt(chart, at, ratio, palette);
}

function drawMark(chart: uPlot, { kind, x }: Pick<PlacedMark, "kind" | "x">, size: number, palette: Palette): void {
  const { ctx, bbox } = chart;
  const { colour, top, shape } = MARKS[kind];
  const paint = palette.colour(colour);
  const y = top ? bbox.top + size : bbox.top + bbox.height - size - 1;
  if (kind === "error") {
    ctx.fillStyle = faded(paint, 0.3);
    ctx.fillRect(Math.round(x), bbox.top, size / 4, bbox.height);
  }
  ctx.fillStyle = ctx.strokeStyle = paint;
  ctx.beginPath();
  SHAPES[shape](ctx, x, y, size);
  if (shape === "cross") ctx.stroke();
  else ctx.fill();
}

type Draw = (context: CanvasRenderingContext2D, x: number, y: number, size: number) => void;

const SHAPES: Readonly<Record<"triangle" | "star" | "cross" | "dot", Draw>> = {
  triangle(context, x, y, size) {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y - size);
    context.lineTo(x, y + size);
  },
  star(context, x, y, size) {
    for (let point = 0; point < 10; point++) {
      const radius = size * (point % 2 === 0 ? 1.7 : 0.7);
      const angle = (point * Math.PI) / 5 - Math.PI / 2;
      context.lineTo(x + radius * Math.cos(angle), y - size / 2 + radius * Math.sin(angle));
    }
  },
  cross(context, x, y, size) {
    context.lineWidth = size / 2.5;
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
  },
  dot(context, x, y, size) {
    context.arc(x, y, size * 0.8, 0, 2 * Math.PI);
  },
};

/** The place that somebody put the crosshair on, for as long as it stands there. */
function drawAt(chart: uPlot, at: number | null, ratio: number, palette: Palette): void {
  if (at === null) return;
  const { ctx, bbox } = chart;
  const x = Math.round(chart.valToPos(at, "x", true));
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.strokeStyle = palette.colour("var(--status-info)");
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 2 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x + 0.5, bbox.top);
  ctx.lineTo(x + 0.5, bbox.top + bbox.height);
  ctx.stroke();
}

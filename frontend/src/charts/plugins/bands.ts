import type uPlot from "uplot";
import type { DrawnLine } from "../line";
import { faded } from "../palette";
import type { Cell, Reduced } from "../reduce";

const OPACITY = { usual: 0.18, smoothed: 0.1, ghost: 0.06 };
/** So far outside a canvas still takes it. */
const FAR_PX = 1e5;

/**
 * The bands between the least and the largest values, below the lines. The library's own bands take two more lines for
 * each, which is most of the time of a frame.
 */
export function bandsPlugin(lines: () => readonly DrawnLine[], drawn: () => readonly Reduced[]): uPlot.Plugin {
  return {
    hooks: {
      drawAxes: (chart) => {
        const { ctx, bbox } = chart;
        const place = placer(chart);
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.clip();
        for (const [at, line] of lines().entries()) {
          const own = drawn()[at];
          if (own === undefined || own.points === own.drawn) continue;
          ctx.fillStyle = faded(line.paint, opacityOf(line, own));
          ctx.beginPath();
          for (const [from, to] of pieces(own)) trace(ctx, own, from, to, place);
          ctx.fill();
        }
        ctx.restore();
      },
    },
  };
}

function opacityOf({ ghost }: DrawnLine, { smooth }: Reduced): number {
  return ghost ? OPACITY.ghost : smooth === null ? OPACITY.usual : OPACITY.smoothed;
}

interface Placer {
  x(value: number): number;
  y(value: number): number;
}

/** Where values stand on the canvas: the library's own way, without looking its scales up for each of them. */
function placer({ bbox, scales }: uPlot): Placer {
  const { min: low = 0, max: high = 1 } = scales.x ?? {};
  const { min = 0, max = 1, distr } = scales.y ?? {};
  const scale =
    distr === 3 ? (value: number) => Math.log10(Math.max(value, Number.MIN_VALUE)) : (value: number) => value;
  const [bottom, top] = [scale(min as number), scale(max as number)];
  const across = bbox.width / ((high as number) - (low as number));
  const up = bbox.height / (top - bottom);
  const near = (place: number) => Math.min(FAR_PX, Math.max(-FAR_PX, place));
  return {
    x: (value) => near(bbox.left + (value - (low as number)) * across),
    y: (value) => near(bbox.top + bbox.height - (scale(value) - bottom) * up),
  };
}

/** Stretches of entries without a gap, each as its first entry and the one behind its last. */
export function pieces({ min }: Pick<Reduced, "min">): [from: number, to: number][] {
  const found: [number, number][] = [];
  let from = 0;
  for (let at = 0; at <= min.length; at++) {
    if (at < min.length && typeof min[at] === "number") continue;
    if (at > from) found.push([from, at]);
    from = at + 1;
  }
  return found;
}

function trace(context: CanvasRenderingContext2D, own: Reduced, from: number, to: number, place: Placer): void {
  const point = (cells: readonly Cell[], at: number) =>
    context.lineTo(place.x(own.x[at] as number), place.y(cells[at] as number));
  context.moveTo(place.x(own.x[from] as number), place.y(own.max[from] as number));
  for (let at = from + 1; at < to; at++) point(own.max, at);
  for (let at = to - 1; at >= from; at--) point(own.min, at);
  context.closePath();
}

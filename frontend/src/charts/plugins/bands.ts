import type uPlot from "uplot";
import type { DrawnLine } from "../line";
import { faded } from "../palette";
import type { Cell, Reduced } from "../reduce";

const OPACITY = { usual: 0.18, smoothed: 0.1, ghost: 0.06 };
/** Entries closer than this are bars, which a canvas fills several times as fast as a jagged shape. */
const DENSE_PX = 4;
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
          if (own.x.length * DENSE_PX > bbox.width) bars(ctx, own, place);
          else shape(ctx, own, place);
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

function shape(context: CanvasRenderingContext2D, own: Reduced, place: Placer): void {
  context.beginPath();
  for (const [from, to] of pieces(own)) {
    context.moveTo(place.x(own.x[from] as number), place.y(own.max[from] as number));
    for (let at = from + 1; at < to; at++) corner(context, own, own.max, at, place);
    for (let at = to - 1; at >= from; at--) corner(context, own, own.min, at, place);
    context.closePath();
  }
  context.fill();
}

function corner(context: CanvasRenderingContext2D, own: Reduced, of: readonly Cell[], at: number, place: Placer): void {
  context.lineTo(place.x(own.x[at] as number), place.y(of[at] as number));
}

/** Whole pixels, so that no edge has to be softened. */
function bars(context: CanvasRenderingContext2D, own: Reduced, place: Placer): void {
  let left = Math.round(place.x(own.x[0] as number));
  for (let at = 0; at < own.x.length; at++) {
    const next = at + 1 < own.x.length ? Math.round(place.x(own.x[at + 1] as number)) : left + 1;
    const [low, high] = [own.min[at], own.max[at]];
    if (typeof low === "number" && typeof high === "number" && low < high) {
      const top = Math.round(place.y(high));
      context.fillRect(left, top, Math.max(1, next - left), Math.max(1, Math.round(place.y(low)) - top));
    }
    left = next;
  }
}

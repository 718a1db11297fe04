import type uPlot from "uplot";
import { value } from "../../lib/format";
import type { DrawnLine } from "../line";
import { TAG_GUTTER } from "../options";
import type { Palette } from "../palette";
import { heightOf } from "./place";

const HEIGHT = 15;

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

/** Each line's last value, in its colour, in the gutter beside its end. */
export function tagsPlugin(lines: () => readonly DrawnLine[], palette: Palette): uPlot.Plugin {
  return {
    hooks: {
      draw: (chart) => {
        const ratio = devicePixelRatio || 1;
        const { left, top, width, height } = chart.bbox;
        const tags = lines().flatMap((line) => tagOf(chart, line));
        chart.ctx.save();
        for (const tag of spreadTags(tags, top, top + height, HEIGHT * ratio)) {
          paint(chart.ctx, tag, left + width, ratio, palette);
        }
        chart.ctx.restore();
      },
    },
  };
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

function paint(context: CanvasRenderingContext2D, tag: Tag, left: number, ratio: number, palette: Palette): void {
  const [height, tip, right] = [(HEIGHT - 1) * ratio, 5 * ratio, left + (TAG_GUTTER - 2) * ratio];
  context.fillStyle = tag.colour;
  context.beginPath();
  context.moveTo(left, tag.y + height / 2);
  context.lineTo(left + tip, tag.y);
  context.lineTo(right, tag.y);
  context.lineTo(right, tag.y + height);
  context.lineTo(left + tip, tag.y + height);
  context.fill();
  context.fillStyle = palette.colour("var(--bg-primary)");
  context.font = palette.font(11 * ratio, 700);
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(tag.text, right - 3 * ratio, tag.y + height / 2 + ratio / 2);
}

import type uPlot from "uplot";
import { MARKS, type Mark } from "../mark";
import type { Palette } from "../palette";

const SIZE = 4;

/** Small triangles where something happened: checkpoints on the axis, warnings and errors at the top. */
export function marksPlugin(marks: () => readonly Mark[], at: () => number | null, palette: Palette): uPlot.Plugin {
  return {
    hooks: {
      draw: (chart) => {
        const ratio = devicePixelRatio || 1;
        chart.ctx.save();
        for (const mark of marks()) drawMark(chart, mark, ratio, palette);
        drawAt(chart, at(), ratio, palette);
        chart.ctx.restore();
      },
    },
  };
}

function drawMark(chart: uPlot, mark: Mark, ratio: number, palette: Palette): void {
  const { ctx, bbox } = chart;
  const x = chart.valToPos(mark.step, "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  const { colour, top } = MARKS[mark.kind];
  const size = SIZE * ratio * (mark.kind === "best" ? 1.4 : 1);
  const [base, tip] = top
    ? [bbox.top, bbox.top + 2 * size]
    : [bbox.top + bbox.height - 2 * size, bbox.top + bbox.height];
  ctx.fillStyle = palette.colour(colour);
  ctx.beginPath();
  ctx.moveTo(x - size, base);
  ctx.lineTo(x + size, base);
  ctx.lineTo(x, tip);
  ctx.fill();
}

/** The step that somebody put the crosshair on, for as long as it stands there. */
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

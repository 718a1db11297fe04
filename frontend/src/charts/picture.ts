import { value } from "../lib/format";
import type { Snapshot } from "./chart";

const HEAD_PX = 26;
const ROW_PX = 18;
const FOOT_PX = 10;
const LEFT_PX = 14;
const SAMPLE_PX = 22;

/** The drawn charts below one another, each below its title and above its legend, on the page's ground. */
export async function pngOf(shown: readonly Snapshot[]): Promise<Blob> {
  const ratio = devicePixelRatio || 1;
  const heights = shown.map(({ canvas, lines }) => canvas.height + framed(lines.filter(({ ghost }) => !ghost).length));
  const made = document.createElement("canvas");
  made.width = Math.max(...shown.map(({ canvas }) => canvas.width));
  made.height = heights.reduce((sum, height) => sum + height, 0);
  const context = made.getContext("2d");
  if (context === null) throw new Error("The browser can't draw a picture.");
  context.fillStyle = colour("--bg-primary") || "#000";
  context.fillRect(0, 0, made.width, made.height);
  let top = 0;
  for (const [at, snapshot] of shown.entries()) {
    draw(context, snapshot, top, ratio);
    top += heights[at] as number;
  }
  return new Promise((resolve, reject) => {
    const take = (blob: Blob | null) =>
      blob === null ? reject(new Error("The browser can't make a PNG.")) : resolve(blob);
    made.toBlob(take, "image/png");
  });
}

function framed(rows: number): number {
  return (HEAD_PX + rows * ROW_PX + FOOT_PX) * (devicePixelRatio || 1);
}

function draw(context: CanvasRenderingContext2D, { canvas, metric, lines }: Snapshot, top: number, ratio: number) {
  const write = (text: string, left: number, y: number, paint: string, weight = 400) => {
    context.fillStyle = paint;
    context.font = `${weight} ${12 * ratio}px ${colour("--font-mono") || "monospace"}`;
    context.fillText(text, left, y);
  };
  write(metric, LEFT_PX * ratio, top + 18 * ratio, colour("--text-secondary"), 700);
  context.drawImage(canvas, 0, top + HEAD_PX * ratio);
  const left = LEFT_PX * ratio;
  for (const [at, line] of lines.filter(({ ghost }) => !ghost).entries()) {
    const y = top + HEAD_PX * ratio + canvas.height + (at + 1) * ROW_PX * ratio - 4 * ratio;
    context.strokeStyle = line.paint;
    context.lineWidth = 2 * ratio;
    context.setLineDash(line.dash.map((part) => part * ratio));
    context.beginPath();
    context.moveTo(left, y - 4 * ratio);
    context.lineTo(left + SAMPLE_PX * ratio, y - 4 * ratio);
    context.stroke();
    write(`${line.name}  ${value(line.lastValue)}`, left + (SAMPLE_PX + 8) * ratio, y, line.paint);
  }
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

import type { HistoryLine } from "../../hooks/useSystemStatus";

export interface Box {
  width: number;
  height: number;
  /** Microseconds since 1970 UTC at the left and right edge. */
  from: number;
  to: number;
  /** The value at the upper edge. */
  top: number;
}

interface Dot {
  x: number;
  y: number;
}

/** A line from zero up as SVG paths: the mean, and the area below it. A gap in the data stays a gap. */
export function areaPaths(line: HistoryLine, box: Box): { line: string; area: string } {
  const pieces = piecesOf(line, box);
  const path = (dots: readonly Dot[]) =>
    dots.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const area = (dots: readonly Dot[]) => {
    const [first, last] = [dots[0] as Dot, dots.at(-1) as Dot];
    return `${path(dots)}L${last.x.toFixed(1)} ${box.height}L${first.x.toFixed(1)} ${box.height}Z`;
  };
  return { line: pieces.map(path).join(""), area: pieces.map(area).join("") };
}

function piecesOf(line: HistoryLine, { width, height, from, to, top }: Box): Dot[][] {
  const pieces: Dot[][] = [];
  let open = false;
  line.x.forEach((time, index) => {
    const value = line.mean[index];
    if (typeof value !== "number" || time < from) {
      open = false;
      return;
    }
    if (!open) pieces.push([]);
    open = true;
    const y = height - 1 - (Math.min(top, Math.max(0, value)) / top) * (height - 2);
    pieces.at(-1)?.push({ x: ((time - from) / (to - from)) * width, y });
  });
  return pieces;
}

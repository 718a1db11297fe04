import { step as count } from "../lib/format";

/** How much of what is stored is drawn: `all 812 points`, or `1,200 of 4,000,000 points, extrema kept`. */
export function drawnText(drawn: number, points: number): string {
  if (points === 0) return "no points here";
  if (drawn >= points) return points === 1 ? "1 point" : `all ${count(points)} points`;
  return `${count(drawn)} of ${count(points)} points, extrema kept`;
}

/** What came beyond a stretch that somebody holds, and the way back. */
export function liveText(more: number): string {
  return more > 0 ? `LIVE +${count(more)}` : "UNZOOM";
}

import { nearest } from "./axis";
import type { Range } from "./reduce";
import { panned, zoomedBy } from "./zoom";

/** What a key on a chart asks for. */
export type Wish = { do: "zoom"; range: Range | null } | { do: "at"; x: number | null };

/** A chart as far as keys need to know it. */
export interface Standing {
  /** The stretch that is shown, and all there is. */
  range: Range;
  full: Range;
  zoomed: boolean;
  /** Places with an entry, ascending. */
  x: readonly number[];
  /** Where the crosshair was put. */
  at: number | null;
}

const CLOSER = 0.5;

/**
 * Arrows walk from entry to entry, with Shift they move the stretch; + and - zoom, 0 shows everything, Home and End go
 * to the ends, Esc takes back the zoom, then the crosshair. Null: the key is none of the chart's.
 */
export function wishOf(key: string, shift: boolean, now: Standing): Wish | null {
  switch (key) {
    case "ArrowLeft":
    case "ArrowRight": {
      const by = key === "ArrowLeft" ? -1 : 1;
      return shift ? { do: "zoom", range: panned(by, now.range, now.full) } : walk(by, now);
    }
    case "Home":
    case "End":
      return to(key === "Home" ? 0 : Number.POSITIVE_INFINITY, now);
    case "+":
    case "=":
      return zoom(CLOSER, now);
    case "-":
      return zoom(1 / CLOSER, now);
    case "0":
      return { do: "zoom", range: null };
    case "Escape":
      if (now.zoomed) return { do: "zoom", range: null };
      return now.at === null ? null : { do: "at", x: null };
    default:
      return null;
  }
}

/** Around the crosshair where it is in view, else around the middle. */
function zoom(factor: number, { range, full, at }: Standing): Wish {
  const [low, high] = range;
  const centre = at !== null && at >= low && at <= high ? at : (low + high) / 2;
  return { do: "zoom", range: zoomedBy(factor, centre, range, full) };
}

/** From where nobody put the crosshair, it begins at the newest entry. */
function walk(by: 1 | -1, now: Standing): Wish | null {
  const { x, range, at } = now;
  const inView = at !== null && at >= range[0] && at <= range[1];
  if (!inView) return to(Number.POSITIVE_INFINITY, now);
  const here = nearest(x, at);
  const next = x[here + by];
  return next === undefined ? { do: "at", x: at } : { do: "at", x: next };
}

function to(index: number, { x, range }: Standing): Wish | null {
  const seen = x.filter((each) => each >= range[0] && each <= range[1]);
  const place = seen[Math.min(index, seen.length - 1)];
  return place === undefined ? null : { do: "at", x: place };
}

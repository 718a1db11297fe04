import { suitsLogScale, valueRange } from "./extent";
import { steadied } from "./follow";
import { type Range, type Reduced, sameRange, seen } from "./reduce";

/** It is looked at again after so many drawings at the latest. */
const LOOK_AGAIN = 16;

/** What the scale of the values is chosen by. */
export interface Wanted {
  /** `auto`: logarithmic as soon as the values call for it, and from then on. */
  logScale: boolean | "auto";
  /** Somebody chose the stretch: nothing of it may be out of view. */
  held: boolean;
}

/** The scale of a chart's values. To look at all of them takes long, and so it stays while all that is new fits in. */
export class ValueScale {
  logarithmic = false;
  /** Null until there were values. */
  range: Range | null = null;
  /** The stretch for which it was chosen. */
  private stretch: Range | null = null;
  /** Drawings since it was chosen. */
  private unlooked = 0;

  /** Have it chosen anew next time, whatever it is. */
  forget(): void {
    this.range = null;
  }

  /**
   * Choose the scale for what is drawn over a stretch.
   *
   * @param changed From which x on each line is not what it was the time before.
   */
  choose(own: readonly Reduced[], changed: readonly number[], stretch: Range, { logScale, held }: Wanted): void {
    const suits = this.stretch !== null && sameRange(stretch, this.stretch) && this.unlooked < LOOK_AGAIN;
    if (suits && (logScale === "auto" || logScale === this.logarithmic) && this.holds(own, changed)) {
      this.unlooked += 1;
      return;
    }
    [this.unlooked, this.stretch] = [0, stretch];
    const inView = own.map((line) => seen(line, stretch));
    this.turn(logScale === "auto" ? this.logarithmic || suitsLogScale(inView) : logScale);
    const wanted = valueRange(inView, this.logarithmic, held);
    this.range = held ? wanted : steadied(wanted, this.range, this.logarithmic);
  }

  private turn(logarithmic: boolean): void {
    if (logarithmic !== this.logarithmic) this.range = null;
    this.logarithmic = logarithmic;
  }

  /** Whether all that is new is within the range. */
  private holds(own: readonly Reduced[], changed: readonly number[]): boolean {
    if (this.range === null) return false;
    const [low, high] = this.range;
    return own.every(({ x, min, max }, line) => {
      const since = changed[line] ?? Number.NEGATIVE_INFINITY;
      for (let at = x.length - 1; at >= 0 && (x[at] as number) >= since; at--) {
        if ((min[at] ?? high) < low || (max[at] ?? low) > high) return false;
      }
      return true;
    });
  }
}

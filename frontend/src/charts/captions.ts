import { step, value } from "../lib/format";
import { onBeat } from "../live/beat";
import { type DrawnLine, type Line, summaryOf } from "./line";
import type { Reading } from "./readings";
import type { Reduced } from "./reduce";
import type { Source } from "./source";
import { drawnText, liveText } from "./words";

/** What stands around a chart in words: for those who read it, those who hear it, and tests. */
export class Captions {
  private readonly badge: HTMLElement | null;
  private readonly live: HTMLElement | null;
  private readonly status: HTMLElement | null;
  private label = "";
  private drawn = "";
  private came = "";
  private waiting = false;

  constructor(private readonly root: HTMLElement) {
    this.badge = root.querySelector(".chart-badge");
    this.live = root.querySelector(".chart-live");
    this.status = root.querySelector("[role=status]");
  }

  /** Say what is drawn: in `data-points` at once, and in a sentence at the page's next beat. */
  summarise(metric: string, lines: readonly Line[], sources: readonly (Source | null)[]): void {
    const drawn = lines.flatMap((line, at) => {
      const own = sources[at];
      return own && own.lastStep !== null && !line.ghost ? [{ line, own }] : [];
    });
    this.root.dataset.points = JSON.stringify(drawn.map(({ line, own }) => summaryOf(line, own)));
    const words = drawn.map(({ line, own }) => `${line.name} ${value(own.lastValue)} at step ${step(own.lastStep)}`);
    this.label = `${metric}: ${words.join(", ") || "no points yet"}`;
    this.tell();
    this.root.classList.toggle("is-empty", drawn.length === 0);
  }

  /** Say how much of what is stored is drawn. */
  count(lines: readonly DrawnLine[], own: readonly Reduced[]): void {
    const told = own.filter((_, at) => !lines[at]?.ghost);
    const sum = (of: "drawn" | "points") => told.reduce((all, line) => all + line[of], 0);
    this.drawn = drawnText(sum("drawn"), sum("points"));
    this.tell();
  }

  /** Texts have the page laid out, and so they change together with all others. */
  private tell(): void {
    if (this.waiting) return;
    this.waiting = true;
    onBeat(() => {
      this.waiting = false;
      if (this.root.ariaLabel !== this.label) this.root.ariaLabel = this.label;
      write(this.badge, this.drawn);
      write(this.live, this.came);
    });
  }

  /** Say how many points came beyond the stretch that somebody holds; null: nobody holds any. */
  hold(more: number | null): void {
    if (this.live === null) return;
    this.came = more === null ? "" : liveText(more);
    if (this.live.hidden === (more === null)) return;
    this.live.hidden = more === null;
    write(this.live, this.came);
  }

  /** Have a screen reader tell where the crosshair is. */
  say(place: string, readings: readonly Reading[]): void {
    write(this.status, [place, ...readings.map(({ name, y }) => `${name} ${value(y)}`)].join(", "));
  }
}

function write(element: HTMLElement | null, text: string): void {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

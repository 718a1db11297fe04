import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { step, value } from "../lib/format";
import type { Drawable } from "../live/scheduler";
import {
  type Aligned,
  align,
  type ChartWindow,
  type Course,
  type Range,
  stretch,
  suitsLogScale,
  valueRange,
} from "./data";
import { type DrawnLine, drawnLine, type Line, summaryOf } from "./line";
import type { Mark } from "./mark";
import { chartData, chartOptions, TAG_GUTTER, type XKind } from "./options";
import { readPalette } from "./palette";
import { crosshairPlugin } from "./plugins/crosshair";
import { endsPlugin } from "./plugins/ends";
import { marksPlugin } from "./plugins/marks";
import { tagsPlugin } from "./plugins/tags";
import { smoothed } from "./smooth";
import type { Shown, Source } from "./source";

export interface ChartSettings {
  metric: string;
  lines: readonly Line[];
  window: ChartWindow;
  /** `auto`: logarithmic as soon as the values call for it, and from then on. */
  logScale: boolean | "auto";
  xKind: XKind;
  zone?: string | undefined;
  /** Weight of what was before, 0 for none. */
  smoothing: number;
  /** A stretch of x that somebody chose. */
  zoom: Range | null;
  /** Step of the crosshair. */
  at: number | null;
  marks: readonly Mark[];
}

export interface ChartHost {
  /** The course of a line; with `shown` at the grain of that stretch, as far as it is known. */
  sourceOf(line: Line, shown: Shown | null): Source | null;
  /** Something changed that needs a new frame. */
  onDirty(chart: LineChart): void;
  /** A frame was drawn with the newest points. */
  onDrawn(): void;
  /** The scale that is drawn, told when it changes. */
  onScale(logarithmic: boolean): void;
  onZoom(range: Range | null): void;
  /** Somebody put the crosshair on a step. */
  onAt(step: number): void;
}

/** What stands on the chart now, for an export. */
export interface Snapshot {
  metric: string;
  xKind: XKind;
  zone?: string | undefined;
  lines: readonly DrawnLine[];
  aligned: Aligned;
  range: Range;
  yRange: Range;
  logScale: boolean;
  canvas: HTMLCanvasElement;
}

const SYNC_KEY = "stepwire";
const MIN_SIZE = 24;
const MIN_BUCKETS = 64;

/** A metric of several runs, drawn by uPlot into `root`. Draws when told; knows no React. */
export class LineChart implements Drawable {
  private plot: uPlot | null = null;
  private lines: readonly DrawnLine[] = [];
  private logScale = false;
  private aligned: Aligned = { x: [], lines: [], drawn: 0, points: 0 };
  private range: Range = [0, 1];
  private yRange: Range = [0, 1];
  /** What the plot was set up for. */
  private look = "";
  private inView = true;
  private readonly size: ResizeObserver;
  private readonly view: IntersectionObserver;

  constructor(
    readonly root: HTMLElement,
    private readonly place: HTMLElement,
    private readonly host: ChartHost,
    private settings: ChartSettings,
  ) {
    this.size = new ResizeObserver(() => this.resize());
    this.size.observe(place);
    this.view = new IntersectionObserver(([entry]) => {
      this.inView = entry?.isIntersecting ?? true;
      if (this.inView) host.onDirty(this);
    });
    this.view.observe(place);
    host.onDirty(this);
  }

  /** Other lines, another window or scale; drawn with the next frame. */
  change(settings: ChartSettings): void {
    if (settings.metric !== this.settings.metric) this.scale(false);
    this.settings = settings;
    if (lookOf(settings) !== this.look) this.clear();
    this.host.onDirty(this);
  }

  /** Colours changed. */
  repaint(): void {
    this.clear();
    this.host.onDirty(this);
  }

  visible(): boolean {
    return this.inView && this.place.clientWidth > MIN_SIZE && this.place.clientHeight > MIN_SIZE;
  }

  draw(): void {
    const { lines, zoom, window } = this.settings;
    const sources = lines.map((line) => this.host.sourceOf(line, null));
    const courses = sources.map((source, at) => (lines[at]?.ghost ? null : (source?.course ?? null)));
    const full = stretch(courses, "all");
    const range = zoom ?? stretch(courses, window);
    if (range === null || full === null) {
      this.clear();
    } else {
      const buckets = Math.max(MIN_BUCKETS, Math.round(this.place.clientWidth - TAG_GUTTER));
      const isPart = range[0] > full[0] || range[1] < full[1];
      const shown = isPart ? lines.map((line) => this.host.sourceOf(line, { range, buckets })) : sources;
      this.aligned = align(
        shown.map((source) => this.courseOf(source)),
        range,
        buckets,
      );
      const { logScale } = this.settings;
      this.scale(logScale === "auto" ? this.logScale || suitsLogScale(this.aligned.lines) : logScale);
      this.describe(sources);
      this.show(range);
    }
    this.tell(sources);
    this.tellStretch(courses, range);
    this.host.onDrawn();
  }

  /** Obey a key that was pressed on the chart; whether there was anything to do. */
  press(key: string, shift: boolean): boolean {
    const span = this.range[1] - this.range[0];
    switch (key) {
      case "ArrowLeft":
      case "ArrowRight": {
        const by = key === "ArrowLeft" ? -1 : 1;
        if (shift) this.host.onZoom([this.range[0] + (by * span) / 4, this.range[1] + (by * span) / 4]);
        else this.walk(by);
        return true;
      }
      case "+":
      case "=":
        this.zoomBy(0.5);
        return true;
      case "-":
        this.zoomBy(2);
        return true;
      case "0":
        this.host.onZoom(null);
        return true;
      default:
        return false;
    }
  }

  /** What is drawn now; null while nothing is. */
  snapshot(): Snapshot | null {
    if (this.plot === null) return null;
    const { metric, xKind, zone } = this.settings;
    const { lines, aligned, range, yRange, logScale } = this;
    return { metric, xKind, zone, lines, aligned, range, yRange, logScale, canvas: this.plot.ctx.canvas };
  }

  destroy(): void {
    this.size.disconnect();
    this.view.disconnect();
    this.clear();
  }

  private courseOf(source: Source | null): Course | null {
    if (source === null) return null;
    const { smoothing } = this.settings;
    return smoothing > 0 ? { ...source.course, smooth: smoothed(source.course, smoothing) } : source.course;
  }

  private clear(): void {
    this.plot?.destroy();
    this.plot = null;
  }

  private resize(): void {
    const [width, height] = [this.place.clientWidth, this.place.clientHeight];
    if (this.plot !== null && this.visible()) this.plot.setSize({ width, height });
    this.host.onDirty(this);
  }

  private scale(logarithmic: boolean): void {
    if (logarithmic === this.logScale) return;
    this.logScale = logarithmic;
    this.clear();
    this.host.onScale(logarithmic);
  }

  private describe(sources: readonly (Source | null)[]): void {
    const palette = readPalette(this.root);
    const { lines } = this.settings;
    this.lines = lines.map((line, at) => drawnLine(line, sources[at] ?? null, palette.colour(line.colour)));
  }

  private show(range: Range): void {
    const data = chartData(this.aligned, this.logScale, this.settings.smoothing > 0);
    this.yRange = valueRange(this.aligned.lines, this.logScale);
    this.range = range[0] < range[1] ? range : [range[0] - 1, range[1] + 1];
    const plot = this.plot ?? this.create(data);
    this.plot = plot;
    plot.batch(() => {
      plot.setData(data, false);
      plot.setScale("x", { min: this.range[0], max: this.range[1] });
      plot.setScale("y", { min: this.yRange[0], max: this.yRange[1] });
    });
  }

  private create(data: uPlot.AlignedData): uPlot {
    const palette = readPalette(this.root);
    const told = () => this.lines.filter((line) => !line.ghost);
    const { xKind, zone, smoothing } = this.settings;
    this.look = lookOf(this.settings);
    const options = chartOptions({
      lines: this.lines,
      logScale: this.logScale,
      xKind,
      zone,
      smooth: smoothing > 0,
      syncKey: `${SYNC_KEY}-${xKind}`,
      palette,
      plugins: [
        endsPlugin(told, palette),
        tagsPlugin(told, palette),
        marksPlugin(
          () => this.stepMarks(),
          () => this.stepAt(),
          palette,
        ),
        crosshairPlugin(() => ({
          lines: this.lines,
          marks: this.settings.marks,
          smooth: smoothing > 0,
          xKind,
          zone,
          at: this.stepAt(),
        })),
      ],
      width: this.place.clientWidth,
      height: this.place.clientHeight,
      onZoom: (low, high) => this.host.onZoom([low, high]),
      onUnzoom: () => this.host.onZoom(null),
      onClick: (x) => this.putAt(x),
    });
    return new uPlot(options, data, this.place);
  }

  /** Steps stand on an axis of steps alone. */
  private stepMarks(): readonly Mark[] {
    return this.settings.xKind === "step" ? this.settings.marks : [];
  }

  private stepAt(): number | null {
    return this.settings.xKind === "step" ? this.settings.at : null;
  }

  private putAt(x: number): void {
    if (this.settings.xKind === "step") this.host.onAt(x);
  }

  /** Move the crosshair by some entries. */
  private walk(by: number): void {
    const { x } = this.aligned;
    const seen = x.filter((each) => each >= this.range[0] && each <= this.range[1]);
    if (seen.length === 0) return;
    const at = this.settings.at;
    const now =
      at === null
        ? seen.length - 1
        : Math.max(
            0,
            seen.findIndex((each) => each >= at),
          );
    const next = seen[Math.min(seen.length - 1, Math.max(0, at === null ? now : now + by))];
    if (next !== undefined) this.putAt(next);
  }

  /** Around the crosshair where it is in view, else around the middle. */
  private zoomBy(factor: number): void {
    const [low, high] = this.range;
    const at = this.stepAt();
    const centre = at !== null && at > low && at < high ? at : (low + high) / 2;
    this.host.onZoom([centre - (centre - low) * factor, centre + (high - centre) * factor]);
  }

  /** Say in words and in `data-points` what is drawn. */
  private tell(sources: readonly (Source | null)[]): void {
    const drawn = this.settings.lines.flatMap((line, at) => {
      const own = sources[at];
      return own && own.lastStep !== null && !line.ghost ? [{ line, own }] : [];
    });
    this.root.dataset.points = JSON.stringify(drawn.map(({ line, own }) => summaryOf(line, own)));
    const words = drawn.map(({ line, own }) => `${line.name} ${value(own.lastValue)} at step ${step(own.lastStep)}`);
    this.root.setAttribute("aria-label", `${this.settings.metric}: ${words.join(", ") || "no points yet"}`);
    this.root.classList.toggle("is-empty", drawn.length === 0);
  }

  /** Say how much of what is stored is drawn, and how much came beyond the stretch that somebody holds. */
  private tellStretch(
    courses: readonly ({ x: Float64Array; count: Float64Array } | null)[],
    range: Range | null,
  ): void {
    const { drawn, points } = this.aligned;
    const all = drawn >= points ? `${points.toLocaleString("en-US")} points` : null;
    const badge = this.root.querySelector(".chart-badge");
    const kept = `${drawn.toLocaleString("en-US")} of ${points.toLocaleString("en-US")} points, extrema kept`;
    if (badge) badge.textContent = range === null ? "" : (all ?? kept);
    const live = this.root.querySelector<HTMLElement>(".chart-live");
    if (!live) return;
    const more = this.settings.zoom === null || range === null ? 0 : pointsAfter(courses, range[1]);
    live.hidden = this.settings.zoom === null;
    live.textContent = more > 0 ? `LIVE +${more.toLocaleString("en-US")}` : "UNZOOM";
  }
}

/** What a plot is built for; all else it takes as it goes. */
function lookOf({ lines, xKind, zone, smoothing }: ChartSettings): string {
  return JSON.stringify([lines, xKind, zone, smoothing > 0]);
}

function pointsAfter(courses: readonly ({ x: Float64Array; count: Float64Array } | null)[], end: number): number {
  let more = 0;
  for (const course of courses) {
    if (course === null) continue;
    for (let at = course.x.length - 1; at >= 0 && (course.x[at] as number) > end; at--)
      more += course.count[at] as number;
  }
  return more;
}

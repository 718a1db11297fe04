import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { step, value } from "../lib/format";
import type { Drawable } from "../live/scheduler";
import type { Series } from "../live/series";
import { type Aligned, align, type ChartWindow, type Range, stretch, suitsLogScale, valueRange } from "./data";
import { type DrawnLine, drawnLine, type Line, summaryOf } from "./line";
import { chartData, chartOptions, TAG_GUTTER } from "./options";
import { readPalette } from "./palette";
import { crosshairPlugin } from "./plugins/crosshair";
import { endsPlugin } from "./plugins/ends";
import { tagsPlugin } from "./plugins/tags";

export interface ChartSettings {
  metric: string;
  lines: readonly Line[];
  window: ChartWindow;
  /** `auto`: logarithmic as soon as the values call for it, and from then on. */
  logScale: boolean | "auto";
}

export interface ChartHost {
  seriesOf(runId: string): Series | null;
  /** Something changed that needs a new frame. */
  onDirty(chart: LineChart): void;
  /** A frame was drawn with the newest points. */
  onDrawn(): void;
  /** The scale that is drawn, told when it changes. */
  onScale(logarithmic: boolean): void;
}

const SYNC_KEY = "stepwire";
const MIN_SIZE = 24;

/** A metric of several runs, drawn by uPlot into `root`. Draws when told; knows no React. */
export class LineChart implements Drawable {
  private plot: uPlot | null = null;
  private lines: readonly DrawnLine[] = [];
  private zoom: Range | null = null;
  private logScale = false;
  /** What the plot was set up for. */
  private look = "";
  private inView = true;
  private readonly size: ResizeObserver;
  private readonly view: IntersectionObserver;

  constructor(
    private readonly root: HTMLElement,
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
    if (settings.metric !== this.settings.metric || settings.window !== this.settings.window) this.zoom = null;
    if (settings.metric !== this.settings.metric) this.scale(false);
    const sameLines = JSON.stringify(settings.lines) === this.look;
    this.settings = settings;
    if (!sameLines) this.clear();
    this.host.onDirty(this);
  }

  visible(): boolean {
    return this.inView && this.place.clientWidth > MIN_SIZE && this.place.clientHeight > MIN_SIZE;
  }

  draw(): void {
    const series = this.settings.lines.map((line) => this.host.seriesOf(line.runId));
    const range = this.zoom ?? stretch(series, this.settings.window);
    if (range === null) {
      this.clear();
    } else {
      const aligned = align(series, range, Math.max(64, Math.round(this.place.clientWidth - TAG_GUTTER)));
      const { logScale } = this.settings;
      this.scale(logScale === "auto" ? this.logScale || suitsLogScale(aligned.lines) : logScale);
      this.describe(series);
      this.show(aligned, range);
    }
    this.tell(series);
    this.host.onDrawn();
  }

  destroy(): void {
    this.size.disconnect();
    this.view.disconnect();
    this.clear();
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

  private describe(series: readonly (Series | null)[]): void {
    const palette = readPalette(this.root);
    const { lines } = this.settings;
    this.lines = lines.map((line, at) => drawnLine(line, series[at] ?? null, palette.colour(line.colour)));
  }

  private show(aligned: Aligned, range: Range): void {
    const data = chartData(aligned, this.logScale);
    const y = valueRange(aligned.lines, this.logScale);
    const plot = this.plot ?? this.create(data);
    this.plot = plot;
    const [low, high] = range[0] < range[1] ? range : [range[0] - 1, range[1] + 1];
    plot.batch(() => {
      plot.setData(data, false);
      plot.setScale("x", { min: low, max: high });
      plot.setScale("y", { min: y[0], max: y[1] });
    });
  }

  private create(data: uPlot.AlignedData): uPlot {
    const palette = readPalette(this.root);
    const lines = () => this.lines;
    this.look = JSON.stringify(this.settings.lines);
    const options = chartOptions({
      lines: this.lines,
      logScale: this.logScale,
      syncKey: SYNC_KEY,
      palette,
      plugins: [endsPlugin(lines, palette), tagsPlugin(lines, palette), crosshairPlugin(lines)],
      width: this.place.clientWidth,
      height: this.place.clientHeight,
      onZoom: (low, high) => this.zoomTo([low, high]),
      onUnzoom: () => this.zoomTo(null),
    });
    return new uPlot(options, data, this.place);
  }

  private zoomTo(range: Range | null): void {
    this.zoom = range;
    this.host.onDirty(this);
  }

  /** Say in words and in `data-points` what is drawn. */
  private tell(series: readonly (Series | null)[]): void {
    const drawn = this.settings.lines.flatMap((line, at) => {
      const own = series[at];
      return own && own.lastStep !== null ? [{ line, own }] : [];
    });
    this.root.dataset.points = JSON.stringify(drawn.map(({ line, own }) => summaryOf(line, own)));
    const words = drawn.map(({ line, own }) => `${line.name} ${value(own.lastValue)} at step ${step(own.lastStep)}`);
    this.root.setAttribute("aria-label", `${this.settings.metric}: ${words.join(", ") || "no points yet"}`);
    this.root.classList.toggle("is-empty", drawn.length === 0);
  }
}

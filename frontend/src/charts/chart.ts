import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { step } from "../lib/format";
import type { Drawable } from "../live/scheduler";
import { nearest } from "./axis";
import { Captions } from "./captions";
import { pointsAfter, stretch } from "./data";
import { Entries } from "./entries";
import { followed, widened } from "./follow";
import { Legend } from "./legend";
import { type DrawnLine, drawnLine, inStretch } from "./line";
import type { PlacedMark } from "./mark";
import { chartOptions, TAG_GUTTER, type XKind } from "./options";
import { type Palette, readPalette } from "./palette";
import { BY_STEP, type Places } from "./places";
import { crosshairPlugin, type ReadoutView } from "./plugins/crosshair";
import { Curves, type CurvesView, type Grid } from "./plugins/curves";
import { pointerPlugin } from "./plugins/pointer";
import { wishOf } from "./press";
import { readings } from "./readings";
import { type Range, type Reduced, sameRange } from "./reduce";
import { ValueScale } from "./scale";
import type { ChartHost, ChartSettings, Chosen } from "./settings";
import type { Source } from "./source";
import { within, zoomedBy } from "./zoom";

export type { ChartHost, ChartSettings, Chosen } from "./settings";

/** What stands on the chart now, for an export. */
export interface Snapshot {
  metric: string;
  xKind: XKind;
  zone?: string | undefined;
  lines: readonly DrawnLine[];
  /** The entries of each line. */
  own: readonly Reduced[];
  range: Range;
  yRange: Range;
  logScale: boolean;
  canvas: HTMLCanvasElement;
}

const SYNC_KEY = "stepwire";
const MIN_SIZE = 24;
const MIN_BUCKETS = 64;
/** A wheel that turns and a key that is held are in the address when they rest: browsers take 200 changes in 30 s. */
const SETTLE_MS = 200;
/** A click so near to the crosshair takes it away. */
const SAME_PX = 3;

/** A metric of several runs in `root`, on the axes of uPlot. Draws when told; knows no React. */
export class LineChart implements Drawable {
  private plot: uPlot | null = null;
  private curves: Curves | null = null;
  private crosshair: ReturnType<typeof crosshairPlugin> | null = null;
  private lines: readonly DrawnLine[] = [];
  private marks: readonly PlacedMark[] = [];
  private places: Places = BY_STEP;
  private readonly entries = new Entries();
  private readonly values = new ValueScale();
  private full: Range = [0, 1];
  private range: Range = [0, 1];
  /** The stretch that follows the newest points; null where somebody chose one, and at first. */
  private following: Range | null = null;
  private zoom: Range | null;
  private at: number | null;
  /** Points beyond the stretch when it was chosen. */
  private beyond: number | null = null;
  private waiting: Chosen | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What the plot was set up for. */
  private look = "";
  private palette: Palette | null = null;
  private inView = true;
  private extent = { width: 0, height: 0 };
  private legendHeight = 0;
  private readonly box = document.createElement("div");
  private readonly legend: Legend;
  private readonly captions: Captions;
  private readonly size: ResizeObserver;
  private readonly view: IntersectionObserver;

  constructor(
    readonly root: HTMLElement,
    place: HTMLElement,
    private readonly host: ChartHost,
    private settings: ChartSettings,
  ) {
    ({ zoom: this.zoom, at: this.at } = settings);
    place.replaceChildren(this.box);
    this.legend = new Legend(place);
    this.captions = new Captions(root);
    this.extent = { width: place.clientWidth, height: place.clientHeight };
    this.size = new ResizeObserver(() => this.resize({ width: place.clientWidth, height: place.clientHeight }));
    this.size.observe(place);
    this.view = new IntersectionObserver((entries) => {
      this.inView = entries.at(-1)?.isIntersecting ?? true;
      if (this.inView) host.onDirty(this);
    });
    this.view.observe(place);
    host.onDirty(this);
  }

  /** Other lines, another window or scale; drawn with the next frame. */
  change(settings: ChartSettings): void {
    const before = this.settings;
    if (settings.window !== before.window || settings.metric !== before.metric) this.following = null;
    if (settings.zoom !== before.zoom) this.hold(settings.zoom);
    if (settings.at !== before.at) this.at = settings.at;
    this.settings = settings;
    if (lookOf(settings) !== this.look) this.clear();
    this.host.onDirty(this);
  }

  /** Colours changed. */
  repaint(): void {
    this.palette = null;
    this.clear();
    this.host.onDirty(this);
  }

  visible(): boolean {
    return this.inView && this.extent.width > MIN_SIZE && this.extent.height > MIN_SIZE;
  }

  draw(): void {
    const { lines, metric, window } = this.settings;
    const sources = lines.map((line) => this.host.sourceOf(line, null));
    const courses = sources.map((source, at) => (lines[at]?.ghost ? null : (source?.course ?? null)));
    const full = stretch(courses, "all");
    const range = this.zoom ?? this.follow(stretch(courses, window));
    if (range === null || full === null) {
      this.clear();
    } else {
      this.full = full;
      this.fill(sources, range);
      this.captions.count(this.lines, this.entries.own);
      this.captions.hold(this.zoom === null ? null : this.cameSince(pointsAfter(courses, range[1])));
    }
    this.captions.summarise(metric, lines, sources);
    this.host.onDrawn();
  }

  /** Obey a key that was pressed on the chart; whether there was anything to do. */
  press(key: string, shift: boolean): boolean {
    const { own: all, x } = this.entries;
    const own = all[0]?.x ?? [];
    const wish = wishOf(key, shift, {
      range: this.range,
      full: this.full,
      zoomed: this.zoom !== null,
      x: own.length > 0 ? own : x,
      at: this.atPlace(),
    });
    if (wish === null) return false;
    if (wish.do === "zoom") this.choose({ zoom: wish.range }, false);
    else this.putAt(wish.x, false);
    return true;
  }

  /** What is drawn now; null while nothing is. */
  snapshot(): Snapshot | null {
    const { plot, lines, range, values, entries } = this;
    if (plot === null || values.range === null) return null;
    const { metric, xKind, zone } = this.settings;
    const scale = { yRange: values.range, logScale: values.logarithmic };
    return { metric, xKind, zone, lines, own: entries.own, range, ...scale, canvas: plot.ctx.canvas };
  }

  destroy(): void {
    this.settle();
    this.size.disconnect();
    this.view.disconnect();
    this.clear();
  }

  private clear(): void {
    this.plot?.destroy();
    [this.plot, this.curves, this.crosshair] = [null, null, null];
  }

  private resize(extent: { width: number; height: number }): void {
    this.extent = extent;
    if (this.visible()) this.fit();
    this.host.onDirty(this);
  }

  private fit(): void {
    const size = { width: this.extent.width, height: this.extent.height - this.legendHeight };
    if (this.plot !== null && (this.plot.width !== size.width || this.plot.height !== size.height)) {
      this.plot.setSize(size);
    }
  }

  private follow(wanted: Range | null): Range | null {
    const pixels = this.plot === null ? 0 : Math.round(this.plot.bbox.width);
    this.following = wanted && followed(wanted, pixels > 0 ? this.following : null, pixels);
    return this.following;
  }

  /** Draw a stretch, at the grain of the screen as far as that is known. */
  private fill(sources: readonly (Source | null)[], range: Range): void {
    const buckets = Math.max(MIN_BUCKETS, Math.round(this.extent.width - TAG_GUTTER));
    const isPart = range[0] > this.full[0] || range[1] < this.full[1];
    const { lines, smoothing } = this.settings;
    const shown = isPart ? lines.map((line) => this.host.sourceOf(line, { range, buckets })) : sources;
    this.entries.reduce(shown, smoothing, range, buckets);
    this.measure(range);
    this.describe(sources, range, buckets);
    this.tellNames();
    this.show(range);
  }

  /** Choose the scale of the values; another kind of scale needs another plot. */
  private measure(range: Range): void {
    const { values, entries } = this;
    const before = values.logarithmic;
    const { logScale } = this.settings;
    values.choose(entries.own, entries.changed, range, { logScale, held: this.zoom !== null });
    if (values.logarithmic === before) return;
    this.clear();
    this.host.onScale(values.logarithmic);
  }

  private describe(sources: readonly (Source | null)[], range: Range, width: number): void {
    this.palette ??= readPalette(this.root);
    const { palette, settings } = this;
    this.lines = settings.lines.map((line, at) => {
      const drawn = drawnLine(line, sources[at] ?? null, palette.colour(line.colour));
      const own = this.entries.own[at];
      return own === undefined ? drawn : inStretch(drawn, own, range[1], width);
    });
    this.places = this.host.places();
    this.marks = settings.marks.flatMap((mark) => {
      const x = this.places.of(mark.step);
      return x === null ? [] : [{ ...mark, x }];
    });
  }

  private tellNames(): void {
    const told = this.lines.flatMap((line, at) => {
      const smooth = this.entries.own[at]?.smooth?.at(-1) ?? null;
      return line.ghost || line.end === null ? [] : [{ line, smooth }];
    });
    this.legendHeight = this.legend.show(told, this.extent);
    this.fit();
  }

  /** Where the axes stay as they are, the library has nothing to draw. */
  private show(range: Range): void {
    const [low, high] = this.values.range ?? [0, 1];
    const wide = widened(range);
    const { plot, curves, crosshair } = this;
    const isSteady = sameRange(wide, this.range) && plot?.scales.y?.min === low && plot.scales.y.max === high;
    this.range = wide;
    if (plot !== null && isSteady) {
      curves?.draw(plot);
      crosshair?.refresh(plot);
    } else {
      this.turn(plot ?? this.create(), low, high);
    }
    this.entries.drawn();
  }

  private turn(plot: uPlot, low: number, high: number): void {
    this.plot = plot;
    plot.batch(() => {
      plot.setScale("x", { min: this.range[0], max: this.range[1] });
      plot.setScale("y", { min: low, max: high });
    });
  }

  private create(): uPlot {
    const { xKind, zone } = this.settings;
    this.palette ??= readPalette(this.root);
    this.look = lookOf(this.settings);
    const grid: Grid = { x: [], y: [] };
    this.curves = new Curves(() => this.curvesView(grid), this.palette);
    this.crosshair = crosshairPlugin(() => this.readoutView(), this.palette);
    const options = chartOptions({
      logScale: this.values.logarithmic,
      xKind,
      zone,
      syncKey: `${SYNC_KEY}-${xKind}`,
      palette: this.palette,
      plugins: [this.curves.plugin(), this.crosshair, this.pointer()],
      grid,
      width: this.extent.width,
      height: this.extent.height - this.legendHeight,
    });
    // It has no lines: their courses are the page's own.
    return new uPlot(options, [[...this.range]], this.box);
  }

  private curvesView(grid: Grid): CurvesView {
    const { lines, marks } = this;
    const { own: drawn, changed } = this.entries;
    return { lines, drawn, changed, marks, grid, at: this.atPlace() };
  }

  private readoutView(): ReadoutView {
    const { lines, marks, places, settings } = this;
    const { own: drawn, x } = this.entries;
    const exact = this.at === null ? null : this.host.exactAt(this.at);
    return {
      lines,
      drawn,
      x,
      marks,
      exact,
      xKind: settings.xKind,
      zone: settings.zone,
      stepAt: places.stepAt,
      at: this.atPlace(),
    };
  }

  private pointer(): uPlot.Plugin {
    return pointerPlugin({
      onStretch: (low, high) => this.choose({ zoom: within([low, high], this.full) }),
      onScale: (factor, x) => this.choose({ zoom: zoomedBy(factor, x, this.range, this.full) }, false),
      onReset: () => this.choose({ zoom: null }),
      onClick: (x) => this.click(this.entries.x[nearest(this.entries.x, x)] ?? null),
    });
  }

  private atPlace(): number | null {
    return this.at === null ? null : this.places.of(this.at);
  }

  private click(x: number | null): void {
    const [now, plot] = [this.atPlace(), this.plot];
    if (x === null || plot === null) return;
    const same = now !== null && Math.abs(plot.valToPos(now, "x") - plot.valToPos(x, "x")) <= SAME_PX;
    this.putAt(same ? null : x);
  }

  private putAt(x: number | null, atOnce = true): void {
    if (x === null) {
      this.choose({ at: null }, atOnce);
      return;
    }
    const found = this.places.stepAt(x);
    if (found === null) return;
    const at = this.settings.xKind === "step" ? found : Math.round(found);
    this.choose({ at }, atOnce);
    if (!atOnce) this.captions.say(`Step ${step(at)}`, readings(this.lines, this.entries.own, x));
  }

  /** Show what somebody chose, and tell it at once or when it rests. */
  private choose(chosen: Chosen, atOnce = true): void {
    if (chosen.zoom !== undefined) this.hold(chosen.zoom);
    if (chosen.at !== undefined) this.at = chosen.at;
    this.waiting = { ...this.waiting, ...chosen };
    clearTimeout(this.timer);
    if (atOnce) this.settle();
    else this.timer = setTimeout(() => this.settle(), SETTLE_MS);
    this.host.onDirty(this);
  }

  private settle(): void {
    clearTimeout(this.timer);
    const { waiting } = this;
    this.waiting = null;
    if (waiting !== null) this.host.onChosen(waiting);
  }

  private hold(zoom: Range | null): void {
    this.zoom = zoom;
    this.following = null;
    this.values.forget();
    this.beyond = null;
  }

  /** Points that came beyond the stretch since somebody chose it. */
  private cameSince(now: number): number {
    this.beyond ??= now;
    return Math.max(0, now - this.beyond);
  }
}

/** What a plot is built for; all else it takes as it goes. */
function lookOf({ xKind, zone }: ChartSettings): string {
  return `${xKind} ${zone}`;
}

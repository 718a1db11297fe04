import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { step } from "../lib/format";
import type { Drawable } from "../live/scheduler";
import { nearest } from "./axis";
import { Captions } from "./captions";
import { sharedX, stretch } from "./data";
import { suitsLogScale, valueRange } from "./extent";
import { followed, steadied } from "./follow";
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
import { type Course, type Range, type Reduced, Reduction, seen } from "./reduce";
import type { ChartHost, ChartSettings, Chosen } from "./settings";
import { smoothed } from "./smooth";
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
/** The range of values is looked at again after so many drawings at the latest. */
const LOOK_AGAIN = 16;

/** A metric of several runs, drawn by uPlot into `root`. Draws when told; knows no React. */
export class LineChart implements Drawable {
  private plot: uPlot | null = null;
  private curves: Curves | null = null;
  private crosshair: ReturnType<typeof crosshairPlugin> | null = null;
  private lines: readonly DrawnLine[] = [];
  private marks: readonly PlacedMark[] = [];
  private places: Places = BY_STEP;
  private logScale = false;
  private reductions: Reduction[] = [];
  private own: readonly Reduced[] = [];
  /** From which x on each line is not what it was when it was drawn last. */
  private changed: number[] = [];
  /** The x of all lines, for the pointer. */
  private x: readonly number[] = [];
  private full: Range = [0, 1];
  private range: Range = [0, 1];
  /** The stretch that follows the newest points; null where somebody chose one, and at first. */
  private following: Range | null = null;
  private yRange: Range | null = null;
  /** Drawings since the range of values was looked at. */
  private unlooked = 0;
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
    this.view = new IntersectionObserver(([entry]) => {
      this.inView = entry?.isIntersecting ?? true;
      if (this.inView) host.onDirty(this);
    });
    this.view.observe(place);
    host.onDirty(this);
  }

  /** Other lines, another window or scale; drawn with the next frame. */
  change(settings: ChartSettings): void {
    const before = this.settings;
    if (settings.metric !== before.metric) this.scale(false);
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
      this.captions.count(this.lines, this.own);
      this.captions.hold(this.zoom === null ? null : this.cameSince(pointsAfter(courses, range[1])));
    }
    this.captions.summarise(metric, lines, sources);
    this.host.onDrawn();
  }

  /** Obey a key that was pressed on the chart; whether there was anything to do. */
  press(key: string, shift: boolean): boolean {
    const own = this.own[0]?.x ?? [];
    const wish = wishOf(key, shift, {
      range: this.range,
      full: this.full,
      zoomed: this.zoom !== null,
      x: own.length > 0 ? own : this.x,
      at: this.atPlace(),
    });
    if (wish === null) return false;
    if (wish.do === "zoom") this.choose({ zoom: wish.range }, false);
    else this.putAt(wish.x, false);
    return true;
  }

  /** What is drawn now; null while nothing is. */
  snapshot(): Snapshot | null {
    const { plot, lines, own, range, yRange, logScale } = this;
    if (plot === null || yRange === null) return null;
    const { metric, xKind, zone } = this.settings;
    return { metric, xKind, zone, lines, own, range, yRange, logScale, canvas: plot.ctx.canvas };
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

  private scale(logarithmic: boolean): void {
    if (logarithmic === this.logScale) return;
    this.logScale = logarithmic;
    this.yRange = null;
    this.clear();
    this.host.onScale(logarithmic);
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
    const { lines } = this.settings;
    this.reduce(isPart ? lines.map((line) => this.host.sourceOf(line, { range, buckets })) : sources, range, buckets);
    this.measure(range);
    this.describe(sources, range, buckets);
    this.tellNames();
    this.show(range);
  }

  private reduce(sources: readonly (Source | null)[], range: Range, buckets: number): void {
    const { smoothing } = this.settings;
    this.reductions = sources.map((_, at) => this.reductions[at] ?? new Reduction());
    this.own = sources.map((source, at) => {
      const reduction = this.reductions[at] as Reduction;
      const about = source?.revision == null ? null : `${source.revision} ${smoothing}`;
      const own = reduction.reduce(this.courseOf(source), about, range, buckets);
      this.changed[at] = Math.min(this.changed[at] ?? Number.NEGATIVE_INFINITY, reduction.changed);
      return own;
    });
    this.x = sharedX(this.own);
  }

  /** Choose the scale of the values, unless all that is new fits into the one there is. */
  private measure(range: Range): void {
    const { logScale } = this.settings;
    const isKnown = this.plot !== null && this.yRange !== null && (logScale === "auto" || logScale === this.logScale);
    if (isKnown && sameRange(range, this.range) && this.unlooked < LOOK_AGAIN && this.fits()) {
      this.unlooked += 1;
      return;
    }
    this.unlooked = 0;
    const inView = this.own.map((line) => seen(line, range));
    this.scale(logScale === "auto" ? this.logScale || suitsLogScale(inView) : logScale);
    const wanted = valueRange(inView, this.logScale, this.zoom !== null);
    this.yRange = this.zoom === null ? steadied(wanted, this.yRange, this.logScale) : wanted;
  }

  /** Whether all that is new is within the range of values. */
  private fits(): boolean {
    const [low, high] = this.yRange ?? [0, 0];
    return this.own.every(({ x, min, max }, line) => {
      for (let at = x.length - 1; at >= 0 && (x[at] as number) >= (this.changed[line] as number); at--) {
        if ((min[at] ?? high) < low || (max[at] ?? low) > high) return false;
      }
      return true;
    });
  }

  private courseOf(source: Source | null): Course {
    if (source === null) return NO_COURSE;
    const { course, odd } = source;
    const { smoothing } = this.settings;
    return smoothing > 0 ? { ...course, odd, smooth: smoothed(course, smoothing) } : { ...course, odd };
  }

  private describe(sources: readonly (Source | null)[], range: Range, width: number): void {
    this.palette ??= readPalette(this.root);
    const { palette, settings } = this;
    this.lines = settings.lines.map((line, at) => {
      const drawn = drawnLine(line, sources[at] ?? null, palette.colour(line.colour));
      const own = this.own[at];
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
      const smooth = this.own[at]?.smooth?.at(-1) ?? null;
      return line.ghost || line.end === null ? [] : [{ line, smooth }];
    });
    this.legendHeight = this.legend.show(told, this.extent);
    this.fit();
  }

  /** Where the axes stay as they are, the library has nothing to draw. */
  private show(range: Range): void {
    const [low, high] = this.yRange ?? [0, 1];
    const wide: Range = range[0] < range[1] ? range : [range[0] - 1, range[1] + 1];
    const { plot, curves, crosshair } = this;
    const isSteady = sameRange(wide, this.range) && plot?.scales.y?.min === low && plot.scales.y.max === high;
    this.range = wide;
    if (plot !== null && isSteady) {
      curves?.draw(plot);
      crosshair?.refresh(plot);
    } else {
      this.turn(plot ?? this.create(), low, high);
    }
    this.changed = this.changed.map(() => Number.POSITIVE_INFINITY);
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
      logScale: this.logScale,
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
    const { lines, own: drawn, changed, marks } = this;
    return { lines, drawn, changed, marks, grid, at: this.atPlace() };
  }

  private readoutView(): ReadoutView {
    const { lines, own: drawn, x, marks, places, settings } = this;
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
      onClick: (x) => this.click(this.x[nearest(this.x, x)] ?? null),
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
    if (!atOnce) this.captions.say(`Step ${step(at)}`, readings(this.lines, this.own, x));
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
    this.yRange = null;
    this.beyond = null;
  }

  /** Points that came beyond the stretch since somebody chose it. */
  private cameSince(now: number): number {
    this.beyond ??= now;
    return Math.max(0, now - this.beyond);
  }
}

const NO_COURSE: Course = (() => {
  const none = new Float64Array(0);
  return { x: none, mean: none, min: none, max: none, last: none, count: none };
})();

function sameRange(left: Range, right: Range): boolean {
  return left[0] === right[0] && left[1] === right[1];
}

/** What a plot is built for; all else it takes as it goes. */
function lookOf({ xKind, zone }: ChartSettings): string {
  return `${xKind} ${zone}`;
}

function pointsAfter(courses: readonly (Pick<Course, "x" | "count"> | null)[], end: number): number {
  let more = 0;
  for (const course of courses) {
    if (course === null) continue;
    for (let at = course.x.length - 1; at >= 0 && (course.x[at] as number) > end; at--)
      more += course.count[at] as number;
  }
  return more;
}

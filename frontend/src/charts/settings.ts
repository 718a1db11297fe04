import type { LineChart } from "./chart";
import type { ChartWindow } from "./data";
import type { Line } from "./line";
import type { Mark } from "./mark";
import type { XKind } from "./options";
import type { Places } from "./places";
import type { Exact } from "./readings";
import type { Range } from "./reduce";
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
  /** What happened to the first run. */
  marks: readonly Mark[];
}

/** A stretch or a step that somebody chose on a chart. */
export interface Chosen {
  zoom?: Range | null;
  at?: number | null;
}

export interface ChartHost {
  /** The course of a line; with `shown` at the grain of that stretch, as far as it is known. */
  sourceOf(line: Line, shown: Shown | null): Source | null;
  /** Where the steps of the first run stand on the axis. */
  places(): Places;
  /** Values at a step by run, where what is drawn is coarser; null until they were read. */
  exactAt(step: number): Exact | null;
  /** Something changed that needs a new frame. */
  onDirty(chart: LineChart): void;
  /** A frame was drawn with the newest points. */
  onDrawn(): void;
  /** The scale that is drawn, told when it changes. */
  onScale(logarithmic: boolean): void;
  onChosen(chosen: Chosen): void;
}

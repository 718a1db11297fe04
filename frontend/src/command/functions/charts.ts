import { lossTabs } from "../../lib/pick";
import type { ChartWindow, XAxis } from "../../state/address";
import type { Call, Command, Context } from "../command";
import { CommandError } from "../command";
import { spikeOf } from "../spike";
import { numberIn, runOf } from "./given";

const WINDOWS: Readonly<Record<string, ChartWindow>> = { "100": 100, "1K": 1000, "1000": 1000, ALL: "all" };

function windowCommand(name: string, also: readonly string[], does: string, key?: string): Command {
  return {
    name,
    also,
    does,
    group: "CHARTS",
    ...(key === undefined ? {} : { key }),
    go: (_, { change }) => {
      change({ window: WINDOWS[name] as ChartWindow, zoom: null });
      return undefined;
    },
  };
}

/** Show a chart panel with the given window, on the run that was named. */
function chartPanel(panel: string) {
  return (call: Call, context: Context): undefined => {
    const [word] = call.args;
    const window = word === undefined ? undefined : WINDOWS[word.toUpperCase()];
    if (word !== undefined && window === undefined) throw new CommandError(`${word} is no window: 100, 1K or ALL.`);
    context.change({
      ...(call.named ? { run: runOf(call).id } : {}),
      ...(window === undefined ? {} : { window, zoom: null }),
    });
    context.screen.show(panel);
    return undefined;
  };
}

const windows = () => ["100", "1K", "ALL"];

export const CHARTS: readonly Command[] = [
  {
    name: "LOSS",
    usage: "[100|1K|ALL]",
    does: "the loss plot",
    group: "CHARTS",
    key: "F4",
    complete: windows,
    go: chartPanel("loss"),
  },
  {
    name: "LR",
    usage: "[100|1K|ALL]",
    does: "learning rate and gradient norm",
    group: "CHARTS",
    complete: windows,
    go: chartPanel("rate"),
  },
  {
    name: "CH",
    also: ["CHART"],
    usage: "<metric…>",
    does: "chart any metrics in a panel of their own; globs allowed",
    group: "CHARTS",
    complete: (_, { metrics }) => metrics(),
    go: ({ args }, { screen, view, change, metrics }) => {
      const names =
        args.length > 0
          ? args
          : lossTabs(metrics())
              .flatMap((tab) => tab.metrics)
              .slice(0, 1);
      if (names.length === 0) throw new CommandError("CH needs a metric: CH val/loss.");
      const panel = screen.open("chart");
      change({ metrics: { ...view().metrics, [panel]: names } });
      screen.show(panel);
      return undefined;
    },
  },
  {
    name: "GRID",
    usage: "[glob…]",
    does: "all metrics in sections, or those that fit",
    group: "CHARTS",
    go: ({ args }, { screen, view, change }) => {
      const panel = screen.open("grid");
      if (args.length > 0) change({ metrics: { ...view().metrics, [panel]: args } });
      screen.show(panel);
      return undefined;
    },
  },
  windowCommand("100", [], "the last 100 points"),
  windowCommand("1K", ["1000"], "the last 1,000 points"),
  windowCommand("ALL", [], "all points"),
  {
    name: "LOGY",
    usage: "[ON|OFF|AUTO]",
    does: "logarithmic y; LOG Y does the same",
    group: "CHARTS",
    complete: () => ["ON", "OFF", "AUTO"],
    go: ({ args }, { view, change }) => setLog(args[0], view().logScale, change),
  },
  {
    name: "LIN",
    does: "linear y",
    group: "CHARTS",
    go: (_, { change }) => {
      change({ logScale: false });
      return undefined;
    },
  },
  {
    name: "EMA",
    also: ["SMOOTH"],
    usage: "<0 to 0.999>",
    does: "smooth the lines; 0 ends it",
    group: "CHARTS",

    complete: () => ["0", "0.6", "0.9", "0.97", "0.99"],
    go: ({ args }, { change, view }) => {
      const [word] = args;
      const weight = word === undefined ? (view().smoothing > 0 ? 0 : 0.9) : numberIn(word, "EMA");
      if (weight < 0 || weight >= 1) throw new CommandError("EMA takes a weight from 0 to 0.999.");
      change({ smoothing: weight });
      return weight === 0 ? "NOT SMOOTHED" : `SMOOTHED BY ${weight}`;
    },
  },
  {
    name: "X",
    usage: "<STEP|REL|WALL|metric>",
    does: "what the x axis counts",
    group: "CHARTS",
    complete: (_, { metrics }) => ["STEP", "REL", "WALL", ...metrics()],
    go: ({ args }, { change, metrics }) => {
      change({ xAxis: axisOf(args[0], metrics()), zoom: null });
      return undefined;
    },
  },
  {
    name: "ZOOM",
    usage: "[<from> <to>]",
    does: "zoom all charts to a stretch of x; alone: back to all of it",
    group: "CHARTS",
    go: ({ args }, { change }) => {
      if (args.length === 0) change({ zoom: null });
      else {
        const [low, high] = [numberIn(args[0], "ZOOM"), numberIn(args[1], "ZOOM")];
        if (low >= high) throw new CommandError("ZOOM takes where it begins and where it ends: ZOOM 500 700.");
        change({ zoom: [low, high] });
      }
      return undefined;
    },
  },
  {
    name: "AT",
    usage: "[step]",
    does: "put the crosshair on a step; alone: take it away",
    group: "CHARTS",
    go: ({ args }, { change }) => {
      change({ at: args.length === 0 ? null : numberIn(args[0], "AT") });
      return undefined;
    },
  },
  {
    name: "SPIKE",
    usage: "[metric]",
    does: "put the crosshair on the worst jump of the loss, or of a metric",
    group: "CHARTS",
    complete: (_, { metrics }) => metrics(),
    go: (call, context) => {
      const run = runOf(call);
      const metric = call.args[0] ?? lossTabs(context.metrics())[0]?.metrics[0];
      if (metric === undefined) throw new CommandError("This run has no metric yet.");
      const course = context.course(run.id, metric);
      if (course === null) throw new CommandError(`${metric} is not drawn: chart it first, with CH ${metric}.`);
      const spike = spikeOf(course);
      if (spike === null) return `NO SPIKE IN ${metric}`;
      context.change({ at: spike.step, ...(call.named ? { run: run.id } : {}) });
      return `SPIKE OF ${metric} AT STEP ${spike.step.toLocaleString("en-US")}`;
    },
  },
  {
    name: "PAUSE",
    does: "hold the view still",
    group: "CHARTS",
    key: "p",
    go: (_, { pause }) => {
      pause(true);
      return "PAUSED · LIVE GOES ON";
    },
  },
  {
    name: "LIVE",
    does: "let the view follow again",
    group: "CHARTS",
    key: "p",
    go: (_, { pause, change }) => {
      pause(false);
      change({ at: null, zoom: null });
      return undefined;
    },
  },
];

/** `LOG Y`, `LOGY OFF` and so on. */
export function setLog(word: string | undefined, now: boolean | null, change: Context["change"]): string {
  const wanted = { ON: true, OFF: false, AUTO: null }[word?.toUpperCase() ?? ""];
  if (word !== undefined && wanted === undefined) throw new CommandError(`${word} is neither ON, OFF nor AUTO.`);
  const logScale = wanted === undefined ? now !== true : wanted;
  change({ logScale });
  return logScale === null ? "Y AS IT SUITS" : logScale ? "LOGARITHMIC Y" : "LINEAR Y";
}

function axisOf(word: string | undefined, metrics: readonly string[]): XAxis {
  const axis = word?.toUpperCase();
  if (axis === undefined || axis === "STEP") return "step";
  if (axis === "REL" || axis === "RELATIVE") return "relative";
  if (axis === "WALL" || axis === "TIME") return "wall";
  if (word !== undefined && metrics.includes(word)) return { metric: word };
  throw new CommandError(`${word} is no axis: STEP, REL, WALL or the name of a metric.`);
}

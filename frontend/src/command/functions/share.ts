import { sharedAddress } from "../../state/view";
import type { Command, Context } from "../command";
import { CommandError } from "../command";
import { runOf } from "./given";

const FORMATS = ["csv", "jsonl", "parquet", "arrow"];

export const SHARE: readonly Command[] = [
  {
    name: "SHARE",
    also: ["LINK"],
    does: "copy the link of exactly this view",
    group: "SHARE",
    key: "y",
    go: async (_, { copy, selected }) => {
      if (!(await copy(sharedAddress(selected()?.id ?? null))))
        throw new CommandError("The browser does not allow copying.");
      return "LINK COPIED";
    },
  },
  {
    name: "EXP",
    also: ["EXPORT"],
    usage: "[csv|jsonl|parquet|arrow]",
    does: "every stored point of the run as a file",
    group: "SHARE",
    complete: () => FORMATS,
    go: (call, { download }) => {
      const format = call.args[0]?.toLowerCase() ?? "csv";
      if (!FORMATS.includes(format)) throw new CommandError(`EXP takes a format: ${FORMATS.join(", ")}.`);
      download(`api/runs/${encodeURIComponent(runOf(call).id)}/export?format=${format}`);
      return `${format.toUpperCase()} ON ITS WAY`;
    },
  },
  {
    name: "PNG",
    does: "save the chart in use as a picture",
    group: "SHARE",
    go: (_, context) => context.exportChart(chartInUse(context), "png").then(() => undefined),
  },
  {
    name: "SVG",
    does: "save the chart in use as vectors",
    group: "SHARE",
    go: (_, context) => context.exportChart(chartInUse(context), "svg").then(() => undefined),
  },
  {
    name: "CSV",
    does: "save what the chart in use shows as a table",
    group: "SHARE",
    go: (_, context) => context.exportChart(chartInUse(context), "csv").then(() => undefined),
  },
];

const NO_CHART = new Set(["runs", "system", "events", "config", "checkpoints", "actions"]);

function chartInUse({ screen }: Context): string {
  const active = screen.active();
  return NO_CHART.has(active) ? "loss" : active;
}

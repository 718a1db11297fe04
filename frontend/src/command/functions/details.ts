import { answerOf } from "../../services/api";
import type { Command, Context } from "../command";
import { CommandError } from "../command";
import { findRuns, noRun } from "../grammar";
import { setLog } from "./charts";
import { oneOf, runOf } from "./given";
import { bestRun } from "./runs";

function shows(panel: string) {
  return (call: { named: boolean; runs: readonly { id: string }[] }, context: Context): undefined => {
    const [run] = call.runs;
    if (call.named && run !== undefined) context.change({ run: run.id });
    context.screen.show(panel);
    return undefined;
  };
}

function opens(type: string) {
  return (call: { named: boolean; runs: readonly { id: string }[] }, context: Context): undefined => {
    const [run] = call.runs;
    if (call.named && run !== undefined) context.change({ run: run.id });
    context.screen.show(opened(type, context));
    return undefined;
  };
}

/** A panel of the type that is on the screen, else a new one. */
export function opened(type: string, { screen }: Context): string {
  return screen.panels().find((panel) => panel.id.startsWith(`${type}-`))?.id ?? screen.open(type);
}

export const DETAILS: readonly Command[] = [
  {
    name: "DES",
    also: ["CFG", "CONFIG"],
    does: "config, environment and tags of the run",
    group: "DETAILS",
    go: shows("config"),
  },
  {
    name: "DIFF",
    usage: "[run]",
    does: "what differs from another run's config; alone: from the best run's",
    group: "DETAILS",
    complete: (_, { runs }) => runs(),
    go: (call, context) => {
      const run = runOf(call);
      const [word] = call.args;
      const [other] = word === undefined ? [bestRun(context.runs(), run)] : findRuns(word, context.runs());
      if (other == null)
        throw word === undefined
          ? new CommandError("No other run has a loss to be best in.")
          : noRun(word, context.runs());
      if (other.id === run.id && word !== undefined) throw new CommandError(`${word.toUpperCase()} is the run itself.`);
      if (other.id === run.id) return "THIS IS THE BEST RUN";
      const compared = [run.id, other.id];
      context.change({ run: run.id, compared, tab: "DIFF", against: other.id });
      context.screen.show("config");
      return `AGAINST R${other.number} ${other.name}`;
    },
  },
  {
    name: "LAST",
    also: ["VAL"],
    does: "latest value of every metric, with its change",
    group: "DETAILS",
    go: opens("table"),
  },
  { name: "CKPT", does: "checkpoints of the run", group: "DETAILS", key: "F8", go: shows("checkpoints") },
  {
    name: "BEST",
    does: "copy the path of the best checkpoint",
    group: "DETAILS",
    go: async (call, context) => {
      const run = runOf(call);
      const path = { run_id: run.id };
      const { checkpoints } = await answerOf(
        context.client.GET("/api/runs/{run_id}/checkpoints", { params: { path } }),
      );
      const best = checkpoints.find((each) => each.is_best);
      if (best === undefined) throw new CommandError(`R${run.number} has no best checkpoint.`);
      context.screen.show("checkpoints");
      const copied = await context.copy(best.filepath);
      return copied ? `COPIED ${best.filepath}` : best.filepath;
    },
  },
  {
    name: "EVT",
    also: ["EVENTS"],
    usage: "[filter]",
    does: "the event log; with a filter: level:error source:run run:this words",
    group: "DETAILS",
    go: (call, context) => {
      if (call.text !== "") context.change({ events: call.text });
      return shows("events")(call, context);
    },
  },
  {
    name: "LOG",
    also: ["CON", "CONSOLE", "LOGS", "TAIL"],
    usage: "[text]",
    does: "console of the run, with a text to look for; LOG Y is the logarithmic axis",
    group: "DETAILS",
    go: (call, context) => {
      if (call.args[0]?.toUpperCase() === "Y") return setLog(call.args[1], context.view().logScale, context.change);
      opens("console")(call, context);
      if (call.text !== "") context.searchConsole(call.text);
      return undefined;
    },
  },
  { name: "SYS", also: ["GPU", "HOST"], does: "hosts, cores, GPUs, trainers", group: "DETAILS", go: shows("system") },
  {
    name: "NOTE",
    usage: "[text]",
    does: "notes of the run; with a text: add a line to them",
    group: "DETAILS",
    key: "n",
    changes: true,
    go: async (call, context) => {
      const run = call.text === "" ? runOf(call) : oneOf(call, "NOTE");
      if (call.text === "") {
        context.screen.show(opened("note", context));
        return undefined;
      }
      await context.actions.setNotes(run.id, run.notes === "" ? call.text : `${run.notes}\n${call.text}`);
      return "NOTED";
    },
  },
];

import type { Call, Command, Context } from "../command";
import { CommandError } from "../command";
import { findRuns } from "../grammar";
import { runOf } from "./given";
import { ask } from "./runs";

function sends(command: "save_checkpoint" | "evaluate", done: string) {
  return async (call: Call, { actions }: Context): Promise<string> => {
    const run = runOf(call);
    if (run.status !== "running") throw new CommandError(`R${run.number} is not running.`);
    await actions.send(run, command);
    return `${done} · R${run.number}`;
  };
}

export const STEER: readonly Command[] = [
  {
    name: "STOP",
    usage: "<run's number>",
    does: "ask the training script to stop: STOP R3",
    group: "STEER",
    changes: true,
    complete: (_, { runs }) =>
      runs()
        .filter((run) => run.status === "running")
        .map((run) => `R${run.number}`),
    go: async ({ args, runs, named }, context) => {
      const [word] = args;
      const run = word === undefined ? (named ? runs[0] : undefined) : findRuns(word, context.runs())[0];
      if (run === undefined && word === undefined) return ask("STOP", context);
      if (run === undefined) throw new CommandError(`There is no run ${word}.`);
      if (run.status !== "running") throw new CommandError(`R${run.number} is not running: it is ${run.status}.`);
      await context.actions.send(run, "stop");
      context.change({ run: run.id });
      return `R${run.number} ${run.name} IS ASKED TO STOP`;
    },
  },
  {
    name: "SAVE",
    does: "ask the script for a checkpoint now",
    group: "STEER",
    changes: true,
    go: sends("save_checkpoint", "CHECKPOINT ASKED FOR"),
  },
  {
    name: "EVAL",
    does: "ask the script to evaluate now",
    group: "STEER",
    changes: true,
    go: sends("evaluate", "EVALUATION ASKED FOR"),
  },
];

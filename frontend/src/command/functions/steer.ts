import type { Call, Command, Context } from "../command";
import { CommandError } from "../command";
import { oneOf } from "./given";
import { ask, runsOf } from "./runs";

function sends(name: string, command: "save_checkpoint" | "evaluate", done: string) {
  return async (call: Call, { actions }: Context): Promise<string> => {
    const run = oneOf(call, name);
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
    complete: (_, { runs }) => runs().filter((run) => run.status === "running"),
    go: async ({ args, runs, named }, context) => {
      const wanted = [...(named ? runs : []), ...args.flatMap((word) => runsOf(word, context))];
      if (wanted.length === 0) return ask("STOP", context);
      const run = oneOf({ runs: wanted }, "STOP");
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
    go: sends("SAVE", "save_checkpoint", "CHECKPOINT ASKED FOR"),
  },
  {
    name: "EVAL",
    does: "ask the script to evaluate now",
    group: "STEER",
    changes: true,
    go: sends("EVAL", "evaluate", "EVALUATION ASKED FOR"),
  },
];

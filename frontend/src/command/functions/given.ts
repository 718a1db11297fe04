import type { Run } from "../../services/types";
import { type Call, CommandError } from "../command";

/** The run that a call is about. Throws `CommandError` when there is none. */
export function runOf({ runs }: Pick<Call, "runs">): Run {
  const [run] = runs;
  if (run === undefined) throw new CommandError("No run is selected: name one, as in R1 LOSS.");
  return run;
}

/** The one run that a call changes. Throws `CommandError` when there is none, and when the others would be left out. */
export function oneOf(call: Pick<Call, "runs">, command: string): Run {
  if (call.runs.length > 1) throw new CommandError(`${command} is for one run, not ${call.runs.length}.`);
  return runOf(call);
}

/** A number that was typed. Throws `CommandError` when it is none. */
export function numberIn(word: string | undefined, command: string): number {
  const number = word === undefined || word.trim() === "" ? Number.NaN : Number(word.replaceAll(",", ""));
  if (!Number.isFinite(number)) throw new CommandError(`${command} takes a number, not ${word ?? "nothing"}.`);
  return number;
}

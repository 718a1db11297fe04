import type { Run } from "../../services/types";
import { type Call, CommandError } from "../command";

/** The run that a call is about. Throws `CommandError` when there is none. */
export function runOf({ runs }: Call): Run {
  const [run] = runs;
  if (run === undefined) throw new CommandError("No run is selected: name one, as in R1 LOSS.");
  return run;
}

/** A number that was typed. Throws `CommandError` when it is none. */
export function numberIn(word: string | undefined, command: string): number {
  const number = word === undefined || word.trim() === "" ? Number.NaN : Number(word.replaceAll(",", ""));
  if (!Number.isFinite(number)) throw new CommandError(`${command} takes a number, not ${word ?? "nothing"}.`);
  return number;
}

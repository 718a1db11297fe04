import type { Command, Context } from "./command";
import { parse } from "./grammar";

/** Nothing but a function: what a line that turns to a run stands for. */
const TURN = { changes: false } as const;

/**
 * Whether a line can be done as it stands: a function, or a run named in full. Returns what is known of it; null when it
 * has to be completed first.
 */
export function isReady(line: string, commands: readonly Command[], context: Context): Pick<Command, "changes"> | null {
  try {
    const parsed = parse(line, { commands, runs: context.runs(), selected: context.selected() });
    if (parsed.kind === "call") return parsed.command;
    const word = line.trim().toLowerCase();
    const { id, name, number } = parsed.run;
    return [id.toLowerCase(), name.toLowerCase(), `r${number}`].includes(word) ? TURN : null;
  } catch {
    return null; // said when it is sent
  }
}

/**
 * Do a line. `told` is what to say; `asks` when the command put a new line in place for the person to go on with.
 *
 * Throws `CommandError` when it can't be done, and whatever the server refuses.
 */
export async function execute(
  line: string,
  commands: readonly Command[],
  context: Context,
): Promise<{ told: string | undefined; asks: boolean }> {
  let asks = false;
  const watching: Context = {
    ...context,
    prefill(text, message) {
      asks = true;
      context.prefill(text, message);
    },
  };
  const parsed = parse(line, { commands, runs: context.runs(), selected: context.selected() });
  if (parsed.kind === "run") {
    context.change({ run: parsed.run.id });
    return { told: `R${parsed.run.number} ${parsed.run.name}`, asks };
  }
  const { command, runs, named, args, text } = parsed;
  if (named && runs[0] && command.group !== "RUNS" && command.group !== "STEER") context.change({ run: runs[0].id });
  const told = await command.go({ runs, named, args, text }, watching);
  return { told, asks };
}

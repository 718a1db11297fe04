import type { Command, Context } from "./command";
import { type Parsed, parse, quoted } from "./grammar";

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

/** A word that is neither function nor run may be a part of a metric's name, which only the server knows for sure. */
async function parseOrFind(line: string, commands: readonly Command[], context: Context): Promise<Parsed> {
  const known = { commands, runs: context.runs(), selected: context.selected() };
  try {
    return parse(line, known);
  } catch (error) {
    const word = line.trim();
    const [metric] = /^\S{2,}$/.test(word) ? await context.findMetrics(word) : [];
    if (metric === undefined) throw error;
    return parse(`CH ${quoted(metric)}`, known);
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
  const parsed = await parseOrFind(line, commands, context);
  if (parsed.kind === "run") {
    context.change({ run: parsed.run.id });
    return { told: `R${parsed.run.number} ${parsed.run.name}`, asks };
  }
  const { command, runs, named, args, text } = parsed;
  if (named && runs[0] && command.group !== "RUNS" && command.group !== "STEER") context.change({ run: runs[0].id });
  const told = await command.go({ runs, named, args, text }, watching);
  return { told, asks };
}

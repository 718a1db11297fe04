import type { Run } from "../services/types";
import { keyOf } from "./bindings";
import type { Candidate, Command, Context } from "./command";
import { findCommand, findRuns, quoted, wordsOf } from "./grammar";
import { best } from "./rank";

const MOST = 9;

/** What a line that is being typed may become, the likeliest first. */
export function suggest(line: string, commands: readonly Command[], context: Context): Candidate[] {
  const words = wordsOf(line);
  const at = words.findIndex((word) => findCommand(word.text, commands) !== undefined);
  const command = at < 0 ? undefined : findCommand((words[at] as { text: string }).text, commands);
  const isWhole = at < words.length - 1 || /\s$/.test(line);
  if (command !== undefined && isWhole)
    return ofArguments(
      line,
      words.slice(at + 1).map((word) => word.text),
      command,
      context,
    );
  return ofFunctions(line, commands, context);
}

function ofFunctions(line: string, commands: readonly Command[], context: Context): Candidate[] {
  const words = wordsOf(line);
  const typed = /\s$/.test(line) ? "" : (words.at(-1)?.text ?? "");
  const before = line.slice(0, line.length - typed.length).trimStart();
  const isScoped = words.length > 1 || (before !== "" && findRuns(words[0]?.text ?? "", context.runs()).length > 0);
  const functions = [...ofNames(typed, before, commands), ...ofDescriptions(typed, before, commands)];
  if (isScoped || typed === "") return top(functions);
  return top([...functions, ...ofRuns(typed, context), ...ofMetrics(typed, context)]);
}

/** A function's other names count as its own. */
function ofNames(typed: string, before: string, commands: readonly Command[]): Scored[] {
  const names = commands.flatMap((command) =>
    [command.name, ...(command.also ?? [])].map((name) => ({ command, name })),
  );
  return best(typed, names, ({ name }) => name, names.length).map(({ item, score }) => ({
    score: score + 60,
    candidate: ofCommand(before, item.command),
  }));
}

function ofDescriptions(typed: string, before: string, commands: readonly Command[]): Scored[] {
  if (typed.length < 2) return [];
  return best(typed, commands, (command) => command.does, MOST)
    .filter(({ score }) => score >= 400)
    .map(({ item, score }) => ({ score: score - 250, candidate: ofCommand(before, item) }));
}

interface Scored {
  score: number;
  candidate: Candidate;
}

/** The best ones, each line once. */
function top(found: readonly Scored[]): Candidate[] {
  const lines = new Map<string, Candidate>();
  for (const { candidate } of found.toSorted((left, right) => right.score - left.score)) {
    if (!lines.has(candidate.line)) lines.set(candidate.line, candidate);
  }
  return [...lines.values()].slice(0, MOST);
}

function ofCommand(before: string, command: Command): Candidate {
  const open = command.usage?.startsWith("<") ?? false;
  return {
    line: `${before}${command.name}${open ? " " : ""}`,
    title: command.name,
    does: command.does,
    key: command.key ?? keyOf(command.name),
    open,
  };
}

function ofRuns(typed: string, { runs }: Context): Scored[] {
  return best(typed, runs(), (run) => soughtIn(run, typed), 5).map(({ item, score }) => ({
    score,
    candidate: {
      line: `R${item.number}`,
      title: `R${item.number}`,
      does: `turn to ${item.name} (${item.status})`,
      ...vagueness(typed, soughtIn(item, typed)),
    },
  }));
}

/** Letters here and there are a guess, which no Enter alone may take. */
function vagueness(typed: string, text: string): { vague?: true } {
  return text.toLowerCase().includes(typed.toLowerCase()) ? {} : { vague: true };
}

/** What stands for a run while it is typed: its number or its name. */
function soughtIn({ number, name }: Run, typed: string): string {
  return /^r\d*$/i.test(typed) ? `R${number}` : name;
}

function ofMetrics(typed: string, { metrics }: Context): Scored[] {
  return best(typed, metrics(), (name) => name, 5).map(({ item, score }) => ({
    score: score - 20,
    candidate: { line: `CH ${quoted(item)}`, title: item, does: "chart this metric", ...vagueness(typed, item) },
  }));
}

function ofArguments(line: string, args: readonly string[], command: Command, context: Context): Candidate[] {
  const typed = /\s$/.test(line) ? "" : (args.at(-1) ?? "");
  const before = line.slice(0, line.length - (typed === "" ? 0 : lastWordLength(line)));
  const choices = command.complete?.(args, context) ?? [];
  const textOf = (choice: string | Run) => (typeof choice === "string" ? choice : soughtIn(choice, typed));
  const found = best(typed, choices, textOf, MOST).map(({ item }) => {
    const title = typeof item === "string" ? item : `R${item.number}`;
    const does = typeof item === "string" ? command.does : `${item.name} (${item.status})`;
    return { line: `${before}${quoted(title)}`, title, does };
  });
  return found.length > 0
    ? found
    : [{ line, title: command.name, does: `${command.usage ?? ""} ${command.does}`.trim() }];
}

function lastWordLength(line: string): number {
  const last = [...line.matchAll(/"([^"]*)"?|[^\s"]+/g)].at(-1);
  return last?.[0].length ?? 0;
}

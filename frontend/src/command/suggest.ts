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
  const functions = best(typed, commands, (command) => command.name, MOST).map(({ item, score }) => ({
    score: score + 60,
    candidate: ofCommand(before, item),
  }));
  const described =
    typed.length < 2
      ? []
      : best(typed, commands, (command) => command.does, MOST)
          .filter(
            ({ item, score }) => score >= 400 && !functions.some(({ candidate }) => candidate.title === item.name),
          )
          .map(({ item, score }) => ({ score: score - 250, candidate: ofCommand(before, item) }));
  if (isScoped || typed === "") return top([...functions, ...described]);
  return top([...functions, ...described, ...ofRuns(typed, context), ...ofMetrics(typed, context)]);
}

interface Scored {
  score: number;
  candidate: Candidate;
}

function top(found: readonly Scored[]): Candidate[] {
  return [...found]
    .sort((left, right) => right.score - left.score)
    .slice(0, MOST)
    .map(({ candidate }) => candidate);
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
  const text = (run: { number: number; name: string }) => (/^r\d*$/i.test(typed) ? `R${run.number}` : run.name);
  return best(typed, runs(), text, 5).map(({ item, score }) => ({
    score,
    candidate: { line: `R${item.number}`, title: `R${item.number}`, does: `turn to ${item.name} (${item.status})` },
  }));
}

function ofMetrics(typed: string, { metrics }: Context): Scored[] {
  return best(typed, metrics(), (name) => name, 5).map(({ item, score }) => ({
    score: score - 20,
    candidate: { line: `CH ${quoted(item)}`, title: item, does: "chart this metric" },
  }));
}

function ofArguments(line: string, args: readonly string[], command: Command, context: Context): Candidate[] {
  const typed = /\s$/.test(line) ? "" : (args.at(-1) ?? "");
  const before = line.slice(0, line.length - (typed === "" ? 0 : lastWordLength(line)));
  const choices = command.complete?.(args, context) ?? [];
  const found = best(typed, choices, (choice) => choice, MOST).map(({ item }) => ({
    line: `${before}${quoted(item)}`,
    title: item,
    does: command.does,
  }));
  return found.length > 0
    ? found
    : [{ line, title: command.name, does: `${command.usage ?? ""} ${command.does}`.trim() }];
}

function lastWordLength(line: string): number {
  const last = [...line.matchAll(/"([^"]*)"?|[^\s"]+/g)].at(-1);
  return last?.[0].length ?? 0;
}

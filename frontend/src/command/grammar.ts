import type { Run } from "../services/types";
import type { Command } from "./command";
import { CommandError } from "./command";
import { distance } from "./rank";

const MOST_NAMED = 3;

/** What a line says: a function about runs, or just a run to turn to. */
export type Parsed =
  | { kind: "call"; command: Command; runs: readonly Run[]; named: boolean; args: readonly string[]; text: string }
  | { kind: "run"; run: Run };

interface Word {
  text: string;
  /** Where it ends in the line. */
  end: number;
}

/** Words of a line; what stands in quotes is one word. */
export function wordsOf(line: string): Word[] {
  const found: Word[] = [];
  for (const match of line.matchAll(/"([^"]*)"?|[^\s"]+/g)) {
    found.push({ text: match[1] ?? match[0], end: match.index + match[0].length });
  }
  return found;
}

/** A word as it has to be typed to come back whole. */
export function quoted(word: string): string {
  return /\s/.test(word) ? `"${word}"` : word;
}

export interface Known {
  commands: readonly Command[];
  runs: readonly Run[];
  selected: Run | null;
}

/**
 * `[run…|@tag|*] FUNCTION [args]`.
 *
 * Throws `CommandError` when there is no such function or run.
 */
export function parse(line: string, known: Known): Parsed {
  const words = wordsOf(line);
  const [first] = words;
  if (first === undefined) throw new CommandError("Type a function, a run's number or its name.");
  const scope: Run[] = [];
  let at = 0;
  let command: Command | undefined;
  for (; at < words.length; at++) {
    const { text } = words[at] as Word;
    command = findCommand(text, known.commands);
    if (command !== undefined) break;
    const runs = findRuns(text, known.runs);
    if (runs.length === 0) throw unknown(text, known, at > 0);
    scope.push(...runs);
  }
  if (command === undefined) return { kind: "run", run: scope[0] as Run };
  const own = known.selected === null ? [] : [known.selected];
  return {
    kind: "call",
    command,
    runs: scope.length > 0 ? unique(scope) : own,
    named: scope.length > 0,
    args: words.slice(at + 1).map((word) => word.text),
    text: line.slice((words[at] as Word).end).trim(),
  };
}

export function findCommand(word: string, commands: readonly Command[]): Command | undefined {
  const name = word.toUpperCase();
  return commands.find((command) => command.name === name || command.also?.includes(name));
}

/** Runs that a word means: `R12`, an id, a name (whole, or the beginning of one alone), `@tag`, `*`. */
export function findRuns(word: string, runs: readonly Run[]): readonly Run[] {
  if (word === "*") return runs;
  if (word.startsWith("@")) return runs.filter((run) => run.tags.includes(word.slice(1)));
  const number = /^r(\d+)$/i.exec(word)?.[1];
  if (number !== undefined) return runs.filter((run) => run.number === Number(number)).slice(0, 1);
  const lower = word.toLowerCase();
  const same = runs.filter((run) => run.id === word || run.name.toLowerCase() === lower);
  if (same.length > 0) return same.slice(0, 1);
  const begins = beginning(word, runs);
  return begins.length === 1 ? begins : [];
}

function beginning(word: string, runs: readonly Run[]): readonly Run[] {
  const lower = word.toLowerCase();
  return runs.filter((run) => run.name.toLowerCase().startsWith(lower));
}

/** Which runs a word could mean that means none of them; null when there is none. */
function several(word: string, runs: readonly Run[]): string | null {
  const begins = beginning(word, runs);
  if (begins.length === 0) return null;
  const named = begins.slice(0, MOST_NAMED).map(({ number, name }) => `R${number} ${name}`);
  return `${word} could be ${named.join(", ")}${begins.length > MOST_NAMED ? " or another run" : ""}.`;
}

/** What is said of a word that means no run. */
export function noRun(word: string, runs: readonly Run[]): CommandError {
  return new CommandError(several(word, runs) ?? `There is no run ${word}.`);
}

function unknown(word: string, { commands, runs }: Known, afterRun: boolean): CommandError {
  const could = several(word, runs);
  if (could !== null) return new CommandError(could);
  const name = word.toUpperCase();
  const near = commands
    .map((command) => ({
      command,
      far: Math.min(...[command.name, ...(command.also ?? [])].map((n) => distance(name, n))),
    }))
    .filter(({ far }) => far <= Math.max(1, Math.floor(name.length / 3)))
    .sort((left, right) => left.far - right.far)
    .slice(0, 3)
    .map(({ command }) => command.name);
  const what = /^r\d+$/i.test(word)
    ? `There is no run ${name}.`
    : word.startsWith("@")
      ? `No run has the tag ${word.slice(1)}.`
      : `There is no function ${afterRun ? "" : "and no run "}${word}.`;
  return new CommandError(near.length > 0 ? `${what} Did you mean ${near.join(" or ")}?` : what);
}

function unique(runs: readonly Run[]): Run[] {
  return [...new Map(runs.map((run) => [run.id, run])).values()];
}

import type { Level, LogEvent } from "../../services/types";

export const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];
/** Where events come from, as the server has it. */
export const SOURCES: readonly string[] = ["run", "sdk", "server", "checkpoint", "command", "system"];
/** In `run:this`: the selected run. */
export const THIS = "this";

/** A run's number and name, as far as they are known. */
export type Named = { number: number; name: string } | undefined;

export interface EventQuery {
  /** Asked of the server; empty: all of them. */
  levels: readonly Level[];
  /** Of the selected run alone. */
  own: boolean;
  /** Whether an event that the server told is shown. */
  test(event: LogEvent, run: Named): boolean;
  /** The server's answer is looked through by `test`. */
  picks: boolean;
  /** What could not be read, in a few words; null when all of it was. */
  message: string | null;
}

type Test = (event: LogEvent, run: Named) => boolean;

const TERM = /(?:[^\s"]|"[^"]*"?)+/g;
const FIELD = /^(level|source|run):(.*)$/i;

/**
 * Read `View.events`: `level:error`, `source:checkpoint`, `run:this`, `run:R3`, `run:name`, and words, which are looked
 * for in all that an event says. Of levels and of sources one has to fit, of all else everything.
 */
export function queryIn(text: string): EventQuery {
  const read: Reading = { levels: new Set(), sources: new Set(), tests: [], messages: [], own: false };
  for (const term of text.match(TERM) ?? []) {
    const [, name, given = ""] = FIELD.exec(term)?.map(bare) ?? [];
    if (name === undefined) read.tests.push(wordTest(bare(term)));
    else readField(read, name.toLowerCase(), given.toLowerCase());
  }
  const { levels, sources, messages, own } = read;
  const tests = sources.size === 0 ? read.tests : [...read.tests, ({ source }: LogEvent) => sources.has(source)];
  return {
    levels: LEVELS.filter((level) => levels.has(level)),
    own,
    test: (event, run) => tests.every((test) => test(event, run)),
    picks: tests.length > 0,
    message: messages.length === 0 ? null : messages.join(" "),
  };
}

/** What was read of a filter so far. */
interface Reading {
  levels: Set<Level>;
  sources: Set<string>;
  tests: Test[];
  messages: string[];
  own: boolean;
}

function readField(read: Reading, name: string, wanted: string): void {
  if (wanted === "") read.messages.push(`${name}: what?`);
  else if (name === "level") addFitting(read.levels, LEVELS, wanted, name, read.messages);
  else if (name === "source") addFitting(read.sources, SOURCES, wanted, name, read.messages);
  else if (wanted === THIS) read.own = true;
  else read.tests.push(runTest(wanted));
}

/** The value of the first `name:value` in a filter; empty without one. */
export function termIn(text: string, name: string): string {
  const found = (text.match(TERM) ?? []).map((term) => FIELD.exec(term)).find((term) => term?.[1] === name);
  return bare(found?.[2] ?? "");
}

/** The filter with `name:value` in place of what it says of `name`; an empty value takes that out. */
export function withTerm(text: string, name: string, value: string): string {
  const others = (text.match(TERM) ?? []).filter((term) => FIELD.exec(term)?.[1]?.toLowerCase() !== name);
  return (value === "" ? others : [`${name}:${value}`, ...others]).join(" ");
}

function bare(text: string): string {
  return text.replaceAll('"', "");
}

/** The beginning of a word is enough. */
function addFitting<Word extends string>(
  found: Set<Word>,
  known: readonly Word[],
  wanted: string,
  kind: string,
  messages: string[],
): void {
  const fitting = known.filter((each) => each.startsWith(wanted));
  for (const each of fitting) found.add(each);
  if (fitting.length === 0) messages.push(`No ${kind} "${wanted}": ${known.join(", ")}.`);
}

function runTest(wanted: string): Test {
  const number = Number(/^r(\d+)$/.exec(wanted)?.[1]);
  return (_, run) => run !== undefined && (run.number === number || run.name.toLowerCase().includes(wanted));
}

function wordTest(word: string): Test {
  const wanted = word.toLowerCase();
  return (event, run) => wordsOf(event).includes(wanted) || (run?.name.toLowerCase().includes(wanted) ?? false);
}

// Looked through again with each letter that is typed.
const known = new WeakMap<LogEvent, string>();

function wordsOf(event: LogEvent): string {
  const told = known.get(event);
  if (told !== undefined) return told;
  const data = event.data == null ? "" : JSON.stringify(event.data);
  const words = [event.message, event.event, event.source, data].join("\n").toLowerCase();
  known.set(event, words);
  return words;
}

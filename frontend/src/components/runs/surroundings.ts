import { bytes, step } from "../../lib/format";
import type { Surroundings } from "../../services/types";
import type { Section } from "../ui/KeyValue";
import { changedOnly, type Flat, missingFrom, sectionsOf, textOf } from "./sections";

/** These are few and say most; the others can be hundreds. */
const BRIEF = ["PROGRAM", "GIT", "HARDWARE"];

/** What a run ran in: command, code, hardware, variables, packages. */
export function surroundingSections(surroundings: Surroundings): Section[] {
  return sectionsOf(flat(surroundings), null);
}

/** Its first parts, without packages and variables. */
export function briefSections(surroundings: Surroundings): Section[] {
  return surroundingSections(surroundings).filter(({ title }) => BRIEF.includes(title));
}

/** What differs from where another run ran. */
export function changedSurroundings(now: Surroundings, before: Surroundings): Section[] {
  const [new_, old] = [flat(now), flat(before)];
  return [...changedOnly(sectionsOf(new_, old)), ...missingFrom(new_, old)];
}

function flat({ command = [], folder, python, git, hardware, variables, packages }: Surroundings): Flat {
  const { version, executable, platform } = python ?? {};
  const program = { command: commandLine(command), folder, python: version, executable, system: platform };
  const parts: [string, Record<string, unknown>][] = [
    ["PROGRAM", program],
    ["GIT", git === null || git === undefined ? {} : gitParts(git)],
    ["HARDWARE", hardwareParts(hardware ?? {})],
    ["VARIABLES", variables ?? {}],
    ["PACKAGES", packages ?? {}],
  ];
  return new Map(parts.map(([title, values]) => [title, told(values)] as const).filter(([, { size }]) => size > 0));
}

/** What is known of some values, as text. */
function told(values: Record<string, unknown>): Map<string, string> {
  const known = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new Map(known.map(([name, value]) => [name, textOf(value)]));
}

/** As it would be typed: words with blanks in quotes. */
function commandLine(words: readonly unknown[]): string {
  return words
    .map(String)
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

function gitParts({ dirty, diff, ...parts }: Record<string, unknown>): Record<string, unknown> {
  const changes = typeof diff === "string" && diff !== "" ? `${step(diff.split("\n").length)} lines of diff` : "yes";
  return { ...parts, changes: dirty === true ? changes : dirty === false ? "none" : null };
}

function hardwareParts({ gpus, ...parts }: Record<string, unknown>): Record<string, unknown> {
  const cards = Array.isArray(gpus) ? gpus.map((gpu, index) => [`gpu ${index}`, cardText(gpu)]) : [];
  return { ...sized(parts), ...Object.fromEntries(cards) };
}

function cardText(gpu: unknown): string {
  if (typeof gpu !== "object" || gpu === null) return textOf(gpu);
  return Object.values(sized(gpu as Record<string, unknown>))
    .filter((value) => value !== null)
    .map(textOf)
    .join(" · ");
}

/** Memory is told in bytes. */
function sized(parts: Record<string, unknown>): Record<string, unknown> {
  const text = (name: string, value: unknown) =>
    /memory/.test(name) && typeof value === "number" ? bytes(value) : value;
  return Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, text(name, value)]));
}

/** The changes that git did not know when the run started; null without any. */
export function diffOf(surroundings: Surroundings | null): string | null {
  const diff = surroundings?.git?.diff;
  return typeof diff === "string" && diff !== "" ? diff : null;
}

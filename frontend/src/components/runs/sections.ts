import { dated, duration, NOTHING, value } from "../../lib/format";
import { lossTabs } from "../../lib/pick";
import { isSampled } from "../../live/decode";
import type { Run } from "../../services/types";
import type { Entry, Section } from "../ui/KeyValue";
import { elapsedSeconds } from "./progress";

const TOP = "CONFIG";
const MAX_DEPTH = 8;

/** Values by name, in sections by title. */
export type Flat = Map<string, Map<string, string>>;

/** A nested config as sections: what stands at the top first, then one section for each branch, by its path. */
export function configSections(config: Run["config"], before?: Run["config"]): Section[] {
  return sectionsOf(flatten(config), before === undefined ? null : flatten(before));
}

/** Named values as sections; those that differ from `old` say what stood there. */
export function sectionsOf(now: Flat, old: Flat | null): Section[] {
  return [...now].map(([title, entries]) => ({
    title,
    entries: [...entries].map(([name, value]) => entryOf(name, value, old, title)),
  }));
}

function entryOf(name: string, value: string, old: Flat | null, title: string): Entry {
  const before = old?.get(title)?.get(name) ?? null;
  return old === null || before === value ? { name, value } : { name, value, before };
}

/** Only the entries whose name, value or section holds a text. */
export function fitting(sections: readonly Section[], text: string): readonly Section[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return sections;
  const holds = (part: string | null | undefined) => part?.toLowerCase().includes(wanted) ?? false;
  return withEntries(sections, (entry, title) => [title, entry.name, entry.value, entry.before].some(holds));
}

function withEntries(sections: readonly Section[], test: (entry: Entry, title: string) => boolean): Section[] {
  return sections
    .map(({ title, entries }) => ({ title, entries: entries.filter((entry) => test(entry, title)) }))
    .filter(({ entries }) => entries.length > 0);
}

/** Only the entries that changed. */
export function changedOnly(sections: readonly Section[]): Section[] {
  return withEntries(sections, (entry) => entry.before !== undefined);
}

/** What the other run's config has and this one lacks. */
export function missingSection(config: Run["config"], before: Run["config"]): Section[] {
  return missingFrom(flatten(config), flatten(before));
}

/** What `old` has and `now` lacks, by its path. */
export function missingFrom(now: Flat, old: Flat): Section[] {
  const entries = [...old].flatMap(([title, values]) =>
    [...values]
      .filter(([name]) => !now.get(title)?.has(name))
      .map(([name, value]) => ({ name: title === TOP ? name : `${title}.${name}`, value: NOTHING, before: value })),
  );
  return entries.length === 0 ? [] : [{ title: "REMOVED", entries }];
}

export function countChanges(sections: readonly Section[]): number {
  return changedOnly(sections).reduce((sum, section) => sum + section.entries.length, 0);
}

function flatten(config: Run["config"]): Flat {
  const flat: Flat = new Map();
  visit(config, [], flat);
  return flat;
}

function visit(branch: object, path: string[], flat: Flat): void {
  const entries = Object.entries(branch);
  const leaves = entries.filter(([, value]) => !isBranch(value, path));
  const title = path.join(".") || TOP;
  // Another branch may have the same title: names may hold dots, and may be that of the first section.
  const known = flat.get(title) ?? [];
  if (leaves.length > 0)
    flat.set(title, new Map([...known, ...leaves.map(([name, value]) => [name, textOf(value)] as const)]));
  for (const [name, value] of entries) if (isBranch(value, path)) visit(value, [...path, name], flat);
}

function isBranch(value: unknown, path: string[]): value is object {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  return plain && Object.keys(value).length > 0 && path.length < MAX_DEPTH;
}

/** A value of a config in one line. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : value;
  return Array.isArray(value) ? `[${value.map(textOf).join(", ")}]` : JSON.stringify(value);
}

/** Title of what people said of a run. */
export const SAID = "NOTES";

/** What a run is and how it went. */
export function runSection(run: Run, now: number): Section {
  const entries: [string, string | null][] = [
    ["id", run.id],
    ["project", run.project],
    ["group", run.group],
    ["host", run.host],
    ["pid", run.pid === null ? null : String(run.pid)],
    ["attempt", run.attempt > 1 ? String(run.attempt) : null],
    ["started", run.start_time === null ? null : dated(run.start_time)],
    ["ended", run.end_time === null ? null : dated(run.end_time)],
    ["elapsed", duration(elapsedSeconds(run, now))],
    ["reason", run.reason],
  ];
  return { title: "RUN", entries: entries.flatMap(([name, value]) => (value === null ? [] : [{ name, value }])) };
}

/** What people said of a run: its tags and notes; no section without any. */
export function saidSections({ tags, notes }: Pick<Run, "tags" | "notes">): Section[] {
  const entries = [
    { name: "tags", value: tags.join(", ") },
    { name: "notes", value: notes.trim() },
  ].filter(({ value }) => value !== "");
  return entries.length === 0 ? [] : [{ title: SAID, entries }];
}

const MOST_VALUES = 12;

/** The newest values of metrics that two runs have, losses and scores first, each with the other's. */
export function valuesSection(run: Pick<Run, "summary">, other: Pick<Run, "summary">): Section[] {
  const names = Object.keys(run.summary).filter((name) => !isSampled(name) && other.summary[name] !== undefined);
  const first = lossTabs(names).flatMap((tab) => tab.metrics);
  const entries = [...new Set([...first, ...names])].slice(0, MOST_VALUES).map((name) => {
    const [now, before] = [run, other].map(({ summary }) => value(summary[name]?.last)) as [string, string];
    return now === before ? { name, value: now } : { name, value: now, before };
  });
  return entries.length === 0 ? [] : [{ title: "LAST VALUES", entries }];
}

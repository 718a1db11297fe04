import { day, duration, NOTHING } from "../../lib/format";
import type { LogEvent, Run } from "../../services/types";
import type { Entry, Section } from "../ui/KeyValue";
import { elapsedSeconds } from "./progress";

const TOP = "CONFIG";
const MAX_DEPTH = 8;

type Flat = Map<string, Map<string, string>>;

/** A nested config as sections: what stands at the top first, then one section for each branch, by its path. */
export function configSections(config: Run["config"], before?: Run["config"]): Section[] {
  const now = flatten(config);
  const old = before === undefined ? null : flatten(before);
  return [...now].map(([title, entries]) => ({
    title,
    entries: [...entries].map(([name, value]) => entryOf(name, value, old, title)),
  }));
}

function entryOf(name: string, value: string, old: Flat | null, title: string): Entry {
  const before = old?.get(title)?.get(name) ?? null;
  return old === null || before === value ? { name, value } : { name, value, before };
}

/** Only the entries that changed. */
export function changedOnly(sections: readonly Section[]): Section[] {
  return sections
    .map(({ title, entries }) => ({ title, entries: entries.filter((entry) => entry.before !== undefined) }))
    .filter(({ entries }) => entries.length > 0);
}

/** What the other run's config has and this one lacks. */
export function missingSection(config: Run["config"], before: Run["config"]): Section[] {
  const now = flatten(config);
  const entries = [...flatten(before)].flatMap(([title, old]) =>
    [...old]
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
  if (leaves.length > 0) flat.set(path.join(".") || TOP, new Map(leaves.map(([name, value]) => [name, textOf(value)])));
  for (const [name, value] of entries) if (isBranch(value, path)) visit(value, [...path, name], flat);
}

function isBranch(value: unknown, path: string[]): value is object {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  return plain && Object.keys(value).length > 0 && path.length < MAX_DEPTH;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : value;
  return Array.isArray(value) ? `[${value.map(textOf).join(", ")}]` : JSON.stringify(value);
}

/** Where and how a run ran. `started` is the event of its start, which knows the command line. */
export function environmentSection(run: Run, started: LogEvent | undefined, now: number): Section {
  const { python, argv, sdk } = started?.data ?? {};
  const entries: [string, string | null][] = [
    ["id", run.id],
    ["project", run.project],
    ["group", run.group],
    ["tags", run.tags.length > 0 ? run.tags.join(", ") : null],
    ["notes", run.notes || null],
    ["host", run.host],
    ["pid", run.pid === null ? null : String(run.pid)],
    ["python", typeof python === "string" ? python : null],
    ["command", Array.isArray(argv) ? argv.join(" ") : null],
    ["sdk", typeof sdk === "string" ? sdk : null],
    ["attempt", run.attempt > 1 ? String(run.attempt) : null],
    ["started", run.start_time === null ? null : `${day(run.start_time)} UTC`],
    ["ended", run.end_time === null ? null : `${day(run.end_time)} UTC`],
    ["elapsed", duration(elapsedSeconds(run, now))],
    ["reason", run.reason],
  ];
  return {
    title: "ENVIRONMENT",
    entries: entries.flatMap(([name, value]) => (value === null ? [] : [{ name, value }])),
  };
}

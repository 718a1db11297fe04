import { toNumber } from "../../lib/format";
import type { Run } from "../../services/types";

type Test = (run: Run) => boolean;

export interface Filter {
  /** Whether a run is shown. */
  test: Test;
  /** What could not be read, in a few words; null when all of it was. */
  message: string | null;
  /** It asks for nothing. */
  empty: boolean;
}

const TERM = /(?:[^\s"]|"[^"]*"?)+/g;
const FIELD = /^(status|tag|project|name|host|group|notes):(.*)$/i;
const COMPARISON = /^(.+?)(<=|>=|!=|<|>|=)(.*)$/;
const CONFIG = /^config\.(.+)$/;
const STATES: readonly string[] = ["running", "completed", "failed", "crashed", "interrupted"];
const HEALTHS: readonly string[] = ["stalled", "disconnected"];

/**
 * Read `View.filter`: all terms have to fit. Words match what is told of a run in words; `status:failed`, `tag:x`,
 * `loss<2.5` (a metric's last value), `lr=0.001` and `config.path=value` match what they name.
 */
export function filterIn(text: string): Filter {
  const read = (text.match(TERM) ?? []).map(termIn);
  const tests = read.filter((term) => typeof term === "function");
  const messages = read.filter((term) => typeof term === "string");
  return {
    test: (run) => tests.every((test) => test(run)),
    message: messages.length === 0 ? null : messages.join(" "),
    empty: read.length === 0,
  };
}

/** What one term asks for, or why it can't be read. */
function termIn(term: string): Test | string {
  const field = FIELD.exec(term);
  if (field) return fieldTest((field[1] as string).toLowerCase(), bare(field[2] as string));
  const comparison = COMPARISON.exec(term);
  if (comparison) return comparisonTest(...(comparison.slice(1).map(bare) as [string, string, string]));
  return wordTest(bare(term));
}

function bare(text: string): string {
  return text.replaceAll('"', "");
}

function wordTest(word: string): Test {
  const wanted = word.toLowerCase();
  const number = /^r(\d+)$/.exec(wanted)?.[1];
  return (run) =>
    run.number === Number(number) ||
    [run.name, run.project, run.host, run.group, run.notes, ...run.tags].some((part) => has(part, wanted));
}

function has(text: string | null, wanted: string): boolean {
  return text?.toLowerCase().includes(wanted) ?? false;
}

function fieldTest(field: string, given: string): Test | string {
  const wanted = given.toLowerCase();
  if (wanted === "") return `${field}: what?`;
  switch (field) {
    case "status":
      return statusTest(wanted);
    case "tag":
      return (run) => run.tags.some((tag) => tag.toLowerCase() === wanted);
    case "project":
      return (run) => run.project.toLowerCase() === wanted;
    default:
      return (run) => has(run[field as "name" | "host" | "group" | "notes"], wanted);
  }
}

/** The beginning of a status is enough; a running run's health is a status too. */
function statusTest(wanted: string): Test | string {
  const found = [...STATES, ...HEALTHS].filter((status) => status.startsWith(wanted));
  if (found.length === 0) return `No status "${wanted}": ${[...STATES, ...HEALTHS].join(", ")}.`;
  return (run) => found.includes(run.status) || (run.status === "running" && found.includes(run.health));
}

function comparisonTest(name: string, sign: string, given: string): Test | string {
  if (given === "") return `${name}${sign} what?`;
  const path = CONFIG.exec(name)?.[1];
  if (path !== undefined) return configTest(path, sign, given);
  const exact = sign === "=" || sign === "!=";
  if (!exact && Number.isNaN(numberIn(given)) && !isNan(given)) return `${name}${sign}${given}: not a number.`;
  return (run) => {
    const [set, last] = [settingIn(run.config, name), lastOf(run, name)];
    // `lr=0.001` is how the run was started, `lr<0.001` how far it came.
    const value = exact ? (set ?? last) : (last ?? set);
    return value !== null && value !== undefined && fits(value, sign, given);
  };
}

/** A metric's last value, under its whole name or the end of it: `loss` is `train/loss`, if no metric is called so. */
function lastOf(run: Run, name: string): number | null {
  const names = Object.keys(run.summary);
  const found = run.summary[name] ? name : names.find((each) => each.endsWith(`/${name}`));
  return found === undefined ? null : toNumber(run.summary[found]?.last);
}

function configTest(path: string, sign: string, given: string): Test {
  return (run) => {
    const value = at(run.config, path);
    return value === undefined ? sign === "!=" : fits(value, sign, given);
  };
}

/** Numbers are compared, anything else is the same text or not. */
function fits(value: unknown, sign: string, given: string): boolean {
  const wanted = numberIn(given);
  if (typeof value === "number" && (!Number.isNaN(wanted) || isNan(given))) return holds(value, sign, wanted);
  const same = textOf(value).toLowerCase() === given.toLowerCase();
  return sign === "=" ? same : sign === "!=" && !same;
}

function numberIn(text: string): number {
  return Number(text.replace(/^([+-]?)inf$/i, "$1Infinity"));
}

function isNan(text: string): boolean {
  return text.toLowerCase() === "nan";
}

/** What a config has at a path, else under that name in any of its branches. */
function settingIn(config: unknown, name: string): unknown {
  const found = at(config, name);
  if (found !== undefined || typeof config !== "object" || config === null || Array.isArray(config)) return found;
  for (const branch of Object.values(config)) {
    const deeper = settingIn(branch, name);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** What a config has at a path, whose names may themselves hold dots. */
function at(config: unknown, path: string): unknown {
  if (typeof config !== "object" || config === null) return undefined;
  const parts = config as Record<string, unknown>;
  if (Object.hasOwn(parts, path)) return parts[path];
  for (let dot = path.indexOf("."); dot > 0; dot = path.indexOf(".", dot + 1)) {
    const name = path.slice(0, dot);
    if (!Object.hasOwn(parts, name)) continue;
    const found = at(parts[name], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function holds(value: number, sign: string, wanted: number): boolean {
  switch (sign) {
    case "<":
      return value < wanted;
    case "<=":
      return value <= wanted;
    case ">":
      return value > wanted;
    case ">=":
      return value >= wanted;
    case "!=":
      return !Object.is(value, wanted);
    default:
      return value === wanted || Object.is(value, wanted);
  }
}

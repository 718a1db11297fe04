import type { components } from "../services/schema.gen";
import type { Command, HostSeries, HostStatus, LogEvent, Run } from "../services/types";

export type RunPage = components["schemas"]["RunPage"];
/** The list as far as it was read, and from where the older ones are read on. */
export type ReadRuns = RunPage & {
  older?: {
    cursor: string | null;
    after: Run | null /** Another one each time the list is read anew. */;
    turn: number;
  };
};
type MetricSummary = components["schemas"]["MetricSummary"];
export type HostLines = Record<string, HostSeries>;

export const MAX_EVENTS = 2_000;
const MAX_SAMPLES = 3_600;

/** Events as they are paged: newest first, and whether the server has older ones. */
export interface EventPages {
  events: LogEvent[];
  hasOlder: boolean;
}

/** The list with a run in its place: newest first. */
export function withRun(page: RunPage, run: Run): RunPage {
  const at = page.runs.findIndex((each) => each.id === run.id);
  if (at >= 0) return { ...page, runs: page.runs.with(at, run) };
  const place = page.runs.findIndex((each) => byNewest(run, each) < 0);
  return { ...page, runs: page.runs.toSpliced(place < 0 ? page.runs.length : place, 0, run) };
}

/** The list without some runs; the same list when none of them is in it. */
export function withoutRuns<Page extends RunPage>(page: Page, ids: readonly string[]): Page {
  const runs = page.runs.filter((run) => !ids.includes(run.id));
  return runs.length === page.runs.length ? page : { ...page, runs };
}

/**
 * The list with a page in its place: of what was known between the run before the page and the page's last one, only
 * what the page tells stays; the last page has nothing behind it.
 */
export function withPage(known: RunPage, page: RunPage, after: Run | null): RunPage {
  const last = page.runs.at(-1);
  const newer = after === null ? [] : known.runs.filter((run) => byNewest(run, after) <= 0);
  const ends = page.next_cursor === null || last === undefined;
  const older = ends ? [] : known.runs.filter((run) => byNewest(run, last) > 0);
  return { ...known, runs: [...newer, ...page.runs, ...older], next_cursor: page.next_cursor };
}

/** What a run became: itself when nothing changed. */
export type Change = (run: Run) => Run;

/** The list with some runs changed; the same list when that changes nothing. */
export function withChanges<Page extends RunPage>(page: Page, changes: ReadonlyMap<string, Change>): Page {
  let runs: Run[] | null = null;
  for (const [index, run] of page.runs.entries()) {
    const changed = changes.get(run.id)?.(run) ?? run;
    if (changed === run) continue;
    runs ??= [...page.runs];
    runs[index] = changed;
  }
  return runs === null ? page : { ...page, runs };
}

/** How far a run came since the list told of it. */
export interface Progress {
  step: number;
  /** RFC 3339; null when no time was told. */
  time: string | null;
  /** Newest values by metric. */
  values: Readonly<Record<string, number | string>>;
}

export function progressed(run: Run, { step, time, values }: Progress): Run {
  const news = Object.entries(values).filter(([name, value]) => !isSame(run.summary?.[name], value, step));
  if (news.length === 0 && run.step === step && run.last_time === time) return run;
  const summary = { ...run.summary };
  for (const [name, value] of news) summary[name] = lastValue(summary[name], value, step, time ?? run.updated_at);
  return { ...run, step, last_time: time, summary };
}

function isSame(known: MetricSummary | undefined, value: number | string, step: number): boolean {
  return known !== undefined && known.last === value && known.last_step === step;
}

function lastValue(
  known: MetricSummary | undefined,
  last: number | string,
  last_step: number,
  last_time: string,
): MetricSummary {
  const first = { count: 1, first: last, min: null, min_step: null, max: null, max_step: null, nonfinite: 0 };
  return { ...(known ?? first), last, last_step, last_time };
}

/** Where a run stands in a list that has the newest first: below zero when `left` comes before `right`. */
export function byNewest(left: Run, right: Run): number {
  if (left.created_at !== right.created_at) return left.created_at < right.created_at ? 1 : -1;
  return right.number - left.number;
}

/** The events with one more, each once, at most `most` of them. */
export function withEvent(pages: EventPages, event: LogEvent, most: number): EventPages {
  if (pages.events.some((each) => each.id === event.id)) return pages;
  const events = [event, ...pages.events];
  if (events.length > 1 && (events[1] as LogEvent).id > event.id) events.sort((left, right) => right.id - left.id);
  return { events: events.slice(0, most), hasOlder: pages.hasOlder || events.length > most };
}

/** How many runs are in each status. */
export function countByStatus(runs: readonly Run[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const run of runs) counts[run.status] = (counts[run.status] ?? 0) + 1;
  return counts;
}

/** A host's lines with one more sample at their end. */
export function withSample(lines: HostLines, status: HostStatus): HostLines {
  const values = valuesOf(status);
  return Object.fromEntries(
    Object.entries(lines).map(([name, line]) => {
      const value = values[name];
      const newest = line.x.at(-1) ?? Number.NEGATIVE_INFINITY;
      return [name, value === undefined || status.time <= newest ? line : longer(line, status.time, value)];
    }),
  );
}

function longer(line: HostSeries, time: number, value: number): HostSeries {
  const add = (column: (number | null)[]) => [...column, value].slice(-MAX_SAMPLES);
  return { x: [...line.x, time].slice(-MAX_SAMPLES), mean: add(line.mean), min: add(line.min), max: add(line.max) };
}

/** A sample's numbers under the names that the history has: `cpu_percent`, `disk/percent`, `gpu/0/power`. */
function valuesOf(status: HostStatus): Record<string, number | undefined> {
  const { cpu_percent, memory_percent, memory_used, load } = status;
  const gpus = (status.gpus ?? []).map((gpu) => under(`gpu/${gpu.index}`, gpu));
  const parts = [
    { cpu_percent, memory_percent, memory_used, load },
    under("disk", status.disk),
    under("net", status.net),
  ];
  const all = Object.assign({}, ...parts, ...gpus) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, number] => typeof pair[1] === "number"),
  );
}

function under(prefix: string, part: object | null | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(part ?? {}).map(([name, value]) => [`${prefix}/${name}`, value]));
}

const STATES: readonly Command["state"][] = ["sent", "delivered", "acknowledged", "refused", "expired"];

/** Of two tellings of the same command the one that is further on: an answer may be older than a push before it. */
export function further(known: Command | undefined, told: Command): Command {
  if (known === undefined) return told;
  return STATES.indexOf(told.state) >= STATES.indexOf(known.state) ? { ...known, ...told } : known;
}

/** A list of commands as the server told it, but none further back than it is known to be. */
export function notBackwards(known: readonly Command[] | undefined, told: readonly Command[]): Command[] {
  return told.map((command) =>
    further(
      known?.find((each) => each.id === command.id),
      command,
    ),
  );
}

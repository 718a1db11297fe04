import { mainOf, mainValue, reasonOf } from "../../components/runs/attention";
import { COLUMNS, ordered, orderIn } from "../../components/runs/order";
import { shownNow } from "../../components/runs/useShown";
import { MAX_COMPARED } from "../../lib/compare";
import type { Run } from "../../services/types";
import type { Command, Context } from "../command";
import { CommandError } from "../command";
import { findRuns, noRun } from "../grammar";
import { oneOf } from "./given";

export const RUNS: readonly Command[] = [
  {
    name: "RUNS",
    also: ["FILTER"],
    usage: "[filter]",
    does: "the run list; with a filter: status:failed tag:x loss<2.5 words",
    group: "RUNS",
    key: "F2",
    go: ({ text }, { change, screen }) => {
      change({ filter: text });
      screen.show("runs");
      return undefined;
    },
  },
  {
    name: "ATTN",
    also: ["ALERTS"],
    does: "turn to the run that needs somebody most: failed, silent or diverging ones stand first",
    group: "RUNS",
    go: (_, { change, runs, screen }) => {
      const [first] = ordered(runs(), orderIn("attention"), Date.now());
      const reason = first && reasonOf(first, Date.now());
      change({ sort: "attention", filter: "", ...(first && reason !== null ? { run: first.id } : {}) });
      screen.show("runs");
      return first && reason !== null ? `R${first.number} ${first.name}: ${reason}` : "NO RUN NEEDS YOU";
    },
  },
  {
    name: "SORT",
    usage: "<column> [DESC]",
    does: "order the run list",
    group: "RUNS",
    complete: (args) => (args.length > 1 ? ["DESC"] : COLUMNS.map((name) => name.toUpperCase())),
    go: ({ args: [column, order] }, { change, screen }) => {
      const name = column?.toLowerCase();
      if (name === undefined || !isColumn(name))
        throw new CommandError(`SORT takes a column: ${COLUMNS.join(", ").toUpperCase()}.`);
      change({ sort: order?.toUpperCase() === "DESC" ? `-${name}` : name });
      screen.show("runs");
      return undefined;
    },
  },
  {
    name: "TOP",
    also: ["BESTRUN"],
    does: "turn to the run with the best last loss of its project",
    group: "RUNS",
    go: (_, context) => {
      const run = bestRun(context.runs(), context.selected());
      if (run === null) throw new CommandError("No run has a loss to compare.");
      context.change({ run: run.id });
      return `R${run.number} ${run.name}`;
    },
  },
  {
    name: "NEXT",
    does: "the run below in the list, as it is filtered and ordered",
    group: "RUNS",
    go: (_, context) => step(context, 1),
  },
  {
    name: "PREV",
    does: "the run above in the list, as it is filtered and ordered",
    group: "RUNS",
    go: (_, context) => step(context, -1),
  },
  {
    name: "CMP",
    also: ["COMPARE"],
    usage: "<run…>",
    does: "draw these runs together, or the runs named before: R1 R2 CMP",
    group: "RUNS",
    complete: (_, { runs }) => runs(),
    go: ({ args, runs, named }, context) => {
      const wanted = [...(named ? runs : []), ...args.flatMap((word) => runsOf(word, context))];
      if (wanted.length === 0) throw new CommandError("CMP takes runs: CMP R1 R2, CMP @tag.");
      const ids = [...new Set(wanted.map((run) => run.id))].slice(0, MAX_COMPARED);
      const [first = null] = ids;
      const selected = context.selected();
      const stays = selected !== null && ids.includes(selected.id);
      context.change({ compared: ids, ...(stays ? {} : { run: first }) });
      const all = wanted.length > ids.length ? ` OF ${wanted.length}` : "";
      return `${ids.length}${all} RUNS DRAWN TOGETHER`;
    },
  },
  {
    name: "SOLO",
    does: "draw the selected run alone",
    group: "RUNS",
    go: (_, { change }) => {
      change({ compared: [] });
      return undefined;
    },
  },
  {
    name: "WITH",
    also: ["COMPANIONS"],
    does: "draw the run with those of its project that ran beside it",
    group: "RUNS",
    go: (_, { change }) => {
      change({ compared: null });
      return undefined;
    },
  },
  {
    name: "NAME",
    also: ["RENAME"],
    usage: "<text>",
    does: "give the run another name",
    group: "RUNS",
    key: "r",
    changes: true,
    go: async (call, { actions }) => {
      if (call.text === "") throw new CommandError("NAME takes the new name.");
      await actions.rename(oneOf(call, "NAME").id, call.text.replace(/^"(.*)"$/, "$1"));
      return "RENAMED";
    },
  },
  {
    name: "TAG",
    usage: "<tag…>",
    does: "add tags to the run; -tag takes one away",
    group: "RUNS",
    key: "t",
    changes: true,
    complete: (_, { runs }) => [...new Set(runs().flatMap((run) => run.tags))],
    go: async ({ args, runs }, { actions }) => {
      if (args.length === 0) throw new CommandError("TAG takes tags: TAG keep -draft.");
      if (runs.length === 0) throw new CommandError("No run is selected.");
      for (const run of runs) await actions.setTags(run.id, tagged(run.tags, args));
      return runs.length > 1 ? `${runs.length} RUNS TAGGED` : "TAGGED";
    },
  },
  {
    name: "DEL",
    also: ["DELETE"],
    usage: "<run's number>",
    does: "delete runs: R3 DEL, or DEL R3; UNDEL takes it back",
    group: "RUNS",
    key: "d",
    changes: true,
    complete: (_, { runs }) => runs(),
    go: async ({ args, runs, named }, context) => {
      const wanted = [...(named ? runs : []), ...args.flatMap((word) => runsOf(word, context))];
      if (wanted.length === 0) return ask("DEL", context);
      const going = wanted.find((run) => run.status === "running");
      if (going) throw new CommandError(`R${going.number} is running: stop it first.`);
      await context.actions.deleteRuns(wanted.map((run) => run.id));
      if (wanted.some((run) => run.id === context.view().run)) context.change({ run: null });
      return `${wanted.map((run) => `R${run.number}`).join(" ")} DELETED · UNDEL ${wanted.map((run) => run.id).join(" ")}`;
    },
  },
  {
    name: "UNDEL",
    usage: "<run id…>",
    does: "take deleted runs out of the trash",
    group: "RUNS",
    changes: true,
    go: async ({ args }, { actions }) => {
      if (args.length === 0) throw new CommandError("UNDEL takes the ids of deleted runs.");
      await actions.undeleteRuns(args);
      return "BACK FROM THE TRASH";
    },
  },
];

/** The number of the run has to be typed: it shows that it is this run that is meant. */
export function ask(command: string, context: Context): undefined {
  const run = context.selected();
  if (run === null) throw new CommandError(`${command} takes a run: ${command} R1.`);
  context.prefill(`${command} R`, `${run.name} is R${run.number}. Type its number, then GO.`);
  return undefined;
}

/** Runs that a word means. Throws `CommandError` when there are none. */
export function runsOf(word: string, { runs }: Context): readonly Run[] {
  const found = findRuns(word, runs());
  if (found.length === 0) throw noRun(word, runs());
  return found;
}

function tagged(tags: readonly string[], changes: readonly string[]): string[] {
  const gone = new Set(changes.filter((word) => word.startsWith("-")).map((word) => word.slice(1)));
  const added = changes.filter((word) => !word.startsWith("-"));
  return [...new Set([...tags, ...added])].filter((tag) => !gone.has(tag));
}

/** The run of a run's project whose main value is least, as far as summaries tell; null when none has one. */
export function bestRun(runs: readonly Run[], own: Run | null): Run | null {
  let best: { run: Run; value: number } | null = null;
  for (const run of runs) {
    if (own !== null && (run.project !== own.project || mainOf(run) !== mainOf(own))) continue;
    const value = mainValue(run);
    if (value !== null && Number.isFinite(value) && (best === null || value < best.value)) best = { run, value };
  }
  return best?.run ?? null;
}

function isColumn(name: string): boolean {
  return COLUMNS.some((column) => column === name);
}

/** To the row below or above; from a run that the list does not show, to the first one that it shows. */
function step({ runs, selected, view, change }: Context, by: 1 | -1): string | undefined {
  const shown = shownNow(runs(), view());
  const now = shown.findIndex((run) => run.id === selected()?.id);
  const next = shown[now < 0 ? 0 : now + by];
  if (next === undefined) return now < 0 ? "THE LIST SHOWS NO RUN" : by > 0 ? "THE LAST RUN" : "THE FIRST RUN";
  change({ run: next.id });
  return undefined;
}

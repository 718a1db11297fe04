import type { Client } from "../services/api";
import type { Run } from "../services/types";
import type { View } from "../state/address";

/** Where a command stands in HELP. */
export type Group = "RUNS" | "CHARTS" | "DETAILS" | "STEER" | "SCREEN" | "SHARE";

/** What the right side of a suggestion says, and what the line becomes when it is taken. */
export interface Candidate {
  /** The whole line. */
  line: string;
  title: string;
  does: string;
  /** A key that does the same. */
  key?: string | undefined;
  /** Taking it still leaves something to type. */
  open?: boolean;
  /** What was typed is no part of it, its letters are just there in their order: Enter alone does not take it. */
  vague?: boolean;
}

/** What was asked: the runs it is about, and the words behind the function. */
export interface Call {
  /** Runs named before the function, else the selected one, if any. */
  runs: readonly Run[];
  /** The runs were named, not just selected. */
  named: boolean;
  args: readonly string[];
  /** The words as they were typed, for texts. */
  text: string;
}

/** A panel on the screen. */
export interface PanelPlace {
  id: string;
  /** Its number in reading order, from 1. */
  number: number;
  title: string;
}

export type Side = "left" | "right" | "top" | "bottom" | "tab";

/** What commands may do to the arrangement of panels. */
export interface Screen {
  panels(): readonly PanelPlace[];
  /** Id of the panel in use. */
  active(): string;
  show(panel: string): void;
  open(type: string): string;
  close(panel: string): void;
  move(panel: string, side: Side, target?: string): void;
  maximise(panel: string | null): void;
  popOut(panel: string): void;
  reset(): void;
  save(name: string): Promise<void>;
  load(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
  download(): void;
}

/** Everything that a command can see and do; nothing here knows React. */
export interface Context {
  client: Client;
  view(): View;
  change(patch: Partial<View>): void;
  /** All runs that are known, the newest first. */
  runs(): readonly Run[];
  selected(): Run | null;
  /** Metrics of the selected run that are known so far. */
  metrics(): readonly string[];
  /** Metrics of the selected run whose names hold a text, as the server knows them. */
  findMetrics(text: string): Promise<readonly string[]>;
  /** Values of a metric as far as the page has them: steps and values, ascending in step. */
  course(runId: string, metric: string): { x: ArrayLike<number>; y: ArrayLike<number>; odd: readonly number[] } | null;
  screen: Screen;
  actions: {
    send(run: Run, command: "stop" | "save_checkpoint" | "evaluate"): Promise<void>;
    rename(id: string, name: string): Promise<void>;
    setTags(id: string, tags: readonly string[]): Promise<void>;
    setNotes(id: string, text: string): Promise<void>;
    deleteRuns(ids: readonly string[]): Promise<void>;
    undeleteRuns(ids: readonly string[]): Promise<void>;
  };
  exportChart(panel: string, format: "png" | "svg" | "csv"): Promise<void>;
  /** Have the browser save a file of the server. */
  download(path: string): void;
  pause(paused: boolean): void;
  copy(text: string): Promise<boolean>;
  /** Open HELP, at one function or at all of them. */
  help(topic: string | null): void;
  /** Put a line into the command line for the person to go on with. */
  prefill(line: string, message: string): void;
  /** Look for a text in the console. */
  searchConsole(text: string): void;
  /** Preferences of this browser. */
  prefer(name: string, value: string): void;
}

/** One function of the command line. */
export interface Command {
  name: string;
  also?: readonly string[];
  /** What may stand behind it: `<metric…>`, `[levels]`. */
  usage?: string;
  does: string;
  group: Group;
  /** A key that does the same. */
  key?: string;
  /** It changes something on the server, or what a key does: a link fills it in, and never runs it. */
  changes?: boolean;
  /** What the last word may be: words, or runs, which are found by their number and by their name. */
  complete?(args: readonly string[], context: Context): readonly (string | Run)[];
  /** Returns what to tell when it is done. */
  go(call: Call, context: Context): string | undefined | Promise<string | undefined>;
}

/** Says why a line can't be done, and what could be meant. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

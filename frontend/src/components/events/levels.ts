import type { Level, LogEvent } from "../../services/types";

export interface LevelFilter {
  name: string;
  /** Empty: all of them. */
  levels: readonly Level[];
}

export const FILTERS: readonly LevelFilter[] = [
  { name: "ALL", levels: [] },
  { name: "INF", levels: ["info"] },
  { name: "WRN", levels: ["warning"] },
  { name: "ERR", levels: ["error"] },
];

interface Mark {
  text: string;
  tone: "dim" | "info" | "good" | "warning" | "bad";
}

const LEVELS: Record<Level, Mark> = {
  debug: { text: "DBG", tone: "dim" },
  info: { text: "INF", tone: "dim" },
  warning: { text: "WRN", tone: "warning" },
  error: { text: "ERR", tone: "bad" },
};

/** Three letters for a line: what it is about, when that tells more than its level. */
export function markOf(event: LogEvent): Mark {
  if (event.level !== "info") return LEVELS[event.level];
  if (event.event.startsWith("checkpoint")) return { text: "CKP", tone: "info" };
  if (event.event.startsWith("command")) return { text: "CMD", tone: "info" };
  return event.event === "status_change" ? { text: "STA", tone: "good" } : LEVELS.info;
}

/** The lines of some levels. */
export function filtered(events: readonly LogEvent[], { levels }: LevelFilter): readonly LogEvent[] {
  return levels.length === 0 ? events : events.filter((event) => levels.includes(event.level));
}

/** The lines that were there when the reader scrolled away from the newest: they stay where they are. */
export function upTo(events: readonly LogEvent[], heldAt: number | null): readonly LogEvent[] {
  return heldAt === null ? events : events.filter((event) => event.id <= heldAt);
}

/** What an event's data say in the words of somebody else, line by line, and are shown as they are. */
const TEXTS = ["traceback", "log"];
/** A change of status says these in its message. */
const SAID = ["old", "new", "health"];

/** More of an event than fits its line: a traceback, the last lines that were printed, its data. */
export function detailOf(event: LogEvent): string | null {
  const data = Object.entries(event.data ?? {});
  const texts = data.flatMap(([name, value]) => (TEXTS.includes(name) ? [linesOf(value)] : []));
  const said = event.event === "status_change" ? [...TEXTS, ...SAID] : TEXTS;
  const rest = data.filter(([name, value]) => !said.includes(name) && value !== null);
  const parts = [
    event.message.includes("\n") ? event.message : null,
    ...texts,
    rest.length > 0 ? JSON.stringify(Object.fromEntries(rest), null, 1) : null,
  ];
  const text = parts.filter((part) => part !== null && part !== "").join("\n");
  return text === "" ? null : text;
}

function linesOf(value: unknown): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) ? value.map(lineOf).join("\n") : JSON.stringify(value);
}

function lineOf(line: unknown): string {
  return typeof line === "string" ? line : JSON.stringify(line);
}

/** Whether somebody who does not see the screen should hear of it. */
export function isNews(event: LogEvent): boolean {
  return event.level === "error" || event.event === "status_change" || event.event.startsWith("alert");
}

import { keep, recall } from "../state/memory";

const KEY = "stepwire.commands";
const MOST = 100;

/** Lines that were done, the newest last; kept in this browser. */
export function readHistory(): string[] {
  try {
    const told: unknown = JSON.parse(recall(KEY) ?? "[]");
    return Array.isArray(told) ? told.filter((line): line is string => typeof line === "string") : [];
  } catch {
    return []; // somebody else wrote there
  }
}

/** Add a line; one that was done before moves to the end. */
export function addToHistory(line: string): void {
  const lines = [...readHistory().filter((each) => each !== line), line].slice(-MOST);
  keep(KEY, JSON.stringify(lines));
}

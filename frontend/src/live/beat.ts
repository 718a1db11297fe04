import { apart } from "./apart";

/** Milliseconds between two beats. */
export const BEAT_MS = 250;

let waiting: (() => void)[] = [];
let due = 0;

/**
 * Call back at the page's next beat. Numbers that change all the time are shown anew at a beat, all of them at the same
 * moment: the page is then laid out once for all, and is calm to look at.
 */
export function onBeat(callback: () => void): void {
  waiting.push(callback);
  const now = performance.now();
  if (waiting.length > 1 && Math.abs(due - now) <= BEAT_MS) return;
  due = now + BEAT_MS - (now % BEAT_MS);
  setTimeout(beat, due - now);
}

function beat(): void {
  const now = waiting;
  waiting = [];
  for (const callback of now) apart(callback);
}

import { useSyncExternalStore } from "react";
import { BEAT_MS, onBeat } from "../live/beat";

/** One for each interval: all who show a time move on together. */
class Clock {
  private time = Date.now();
  private beats = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly every: number) {}

  readonly read = (): number => {
    if (this.listeners.size === 0 && Math.abs(Date.now() - this.time) >= this.every) this.time = Date.now();
    return this.time;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (!this.beats) onBeat(this.beat);
    this.beats = true;
    return () => this.listeners.delete(listener);
  };

  private readonly beat = (): void => {
    this.beats = this.listeners.size > 0;
    if (!this.beats) return;
    onBeat(this.beat);
    // Whoever sets the computer's clock back need not wait until it is as late again.
    if (Math.abs(Date.now() - this.time) < this.every - BEAT_MS / 2) return;
    this.time = Date.now();
    for (const listener of this.listeners) listener();
  };
}

const clocks = new Map<number, Clock>();

/** The wall clock in milliseconds, read again every `every` milliseconds. */
export function useNow(every: number): number {
  const clock = clocks.get(every) ?? new Clock(every);
  clocks.set(every, clock);
  return useSyncExternalStore(clock.subscribe, clock.read);
}

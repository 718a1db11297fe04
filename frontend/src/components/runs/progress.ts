import type { Run } from "../../services/types";

/** Seconds from a run's start to its end, or to now while it runs; null before it started. */
export function elapsedSeconds(run: Pick<Run, "start_time" | "end_time">, now: number): number | null {
  if (run.start_time === null) return null;
  const end = run.end_time === null ? now : Date.parse(run.end_time);
  return Math.max(0, (end - Date.parse(run.start_time)) / 1000);
}

/** How much of a run is done, 0 to 1; null when its length is not known. */
export function fraction(step: number | null, total: number | null): number | null {
  if (step === null || total === null || total <= 0) return null;
  return Math.min(1, Math.max(0, step / total));
}

/** Seconds until a running run is through at the pace it had so far; null when that can't be told. */
export function secondsLeft(run: Run, step: number | null, now: number): number | null {
  const [done, elapsed] = [fraction(step, run.total_steps), elapsedSeconds(run, now)];
  if (run.status !== "running" || done === null || done === 0 || elapsed === null) return null;
  return (elapsed * (1 - done)) / done;
}

/** Seconds in few letters: `40s`, `45m`, `1.8h`, `12h`, `3.2d`. */
export function brief(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m`;
  const [number, unit] = whole < 86_400 ? [whole / 3600, "h"] : [whole / 86_400, "d"];
  return `${number < 9.95 ? Number(number.toFixed(1)) : Math.floor(number)}${unit}`;
}

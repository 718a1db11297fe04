import { words } from "./words";

export type Goal = "min" | "max";

/** Which way a metric should go, by its name; null for a neutral one. */
export function goalOf(name: string): Goal | null {
  const lower = name.toLowerCase();
  if (/loss|error|perplexity/.test(lower)) return "min";
  const parts = words(name);
  const good = parts.some((word) => /^(acc|accuracy|f1|auc|auroc)$/.test(word)) || lower.includes("reward");
  return good ? "max" : null;
}

/** Whether a change is good or bad by the metric's direction; null when neutral, unchanged or unknown. */
export function direction(name: string, now: number | null, before: number | null): "good" | "bad" | null {
  const goal = goalOf(name);
  if (goal === null || now === null || before === null) return null;
  if (!Number.isFinite(now)) return "bad";
  if (now === before || !Number.isFinite(before)) return null;
  return now < before === (goal === "min") ? "good" : "bad";
}

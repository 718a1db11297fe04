import type { Run } from "../../services/types";

/** Tags as they are typed: parted by commas, each once. */
export function tagsIn(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

/** A run's tags after `a, -b` was typed: with a, without b. */
export function changedTags(run: Pick<Run, "tags">, text: string): string[] {
  const words = tagsIn(text);
  const gone = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1).trim());
  const added = words.filter((word) => !word.startsWith("-"));
  return [...new Set([...run.tags.filter((tag) => !gone.includes(tag)), ...added])];
}

/** All tags of some runs, each with how many of them have it. */
export function countTags(runs: readonly Run[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const tag of runs.flatMap((run) => run.tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].sort(([left], [right]) => (left < right ? -1 : 1));
}

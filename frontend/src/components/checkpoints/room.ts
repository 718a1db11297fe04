import styles from "./CheckpointList.module.css";

/** The class that hides a metric's column where there is no room; none for one that somebody chose. */
export function metricClass(index: number, keep: boolean): string | undefined {
  if (keep || index === 0) return undefined;
  return index === 1 ? styles.medium : styles.wide;
}

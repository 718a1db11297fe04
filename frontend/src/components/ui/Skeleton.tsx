import styles from "./Skeleton.module.css";

/** Rows that stand where data will be. */
export function Skeleton({ rows = 6, label }: { rows?: number; label: string }) {
  return (
    <div className={styles.skeleton} role="status" aria-label={`Loading ${label}`}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike and never change places
        <i key={row} style={{ width: `${88 - ((row * 37) % 41)}%` }} />
      ))}
    </div>
  );
}

import type { ReactNode } from "react";
import styles from "./Badge.module.css";

export type Tone = "good" | "bad" | "warning" | "info" | "dim";

/** A short word in a thin frame. */
export function Badge({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string | undefined }) {
  return (
    <span className={`${styles.badge} ${tone}`} title={title}>
      {children}
    </span>
  );
}

import { loadColour } from "../../styles/theme";
import styles from "./Bar.module.css";

interface BarProps {
  /** 0 to 100; what lies outside is cut. */
  percent: number;
  label: string;
  colour?: string;
}

/** A gauge in blocks, like on the terminal. */
export function Bar({ percent, label, colour = loadColour(percent) }: BarProps) {
  const width = Math.min(100, Math.max(0, Number.isFinite(percent) ? percent : 0));
  return (
    <div
      className={styles.bar}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(width)}
    >
      <i style={{ width: `${width}%`, "--bar": colour } as React.CSSProperties} />
    </div>
  );
}

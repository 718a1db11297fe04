import type { RunState } from "../../services/types";
import { Icon, type IconName } from "../ui/Icon";
import styles from "./RunStatus.module.css";

interface Look {
  glyph: string;
  icon: IconName;
  tone: "good" | "bad" | "warning";
}

const LOOKS: Record<RunState, Look> = {
  running: { glyph: "●", icon: "dot", tone: "good" },
  completed: { glyph: "✓", icon: "ok", tone: "good" },
  failed: { glyph: "✗", icon: "cross", tone: "bad" },
  crashed: { glyph: "✗", icon: "cross", tone: "bad" },
  interrupted: { glyph: "■", icon: "square", tone: "warning" },
};

export function lookOf(status: RunState): Look {
  return LOOKS[status];
}

/** `[● RUNNING]`: the text holds the glyph, the eye sees a drawn mark, since the font lacks it. */
export function RunStatus({ status }: { status: RunState }) {
  const { glyph, icon, tone } = LOOKS[status];
  return (
    <span className={`${styles.status} ${tone}`}>
      [
      <span className={styles.mark}>
        <span className={styles.glyph}>{glyph}</span>
        <Icon name={icon} />
      </span>
      {` ${status.toUpperCase()}]`}
    </span>
  );
}

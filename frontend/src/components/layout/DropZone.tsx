import type { CSSProperties } from "react";
import type { Rect } from "../../layout/geometry";
import styles from "./Layout.module.css";
import { useDrag } from "./usePanelDrag";

/** While a panel is dragged: where it would go. */
export function DropZone() {
  const { id, drop } = useDrag();
  if (id === null) return null;
  return (
    <div className={styles.dragging} aria-hidden="true">
      {drop !== null && (
        <div className={styles.drop} style={placeOf(drop.rect)}>
          {drop.side === "tab" && "TAB"}
        </div>
      )}
    </div>
  );
}

function placeOf({ x, y, width, height }: Rect): CSSProperties {
  return { left: `${x * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` };
}

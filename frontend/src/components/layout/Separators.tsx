import type { KeyboardEvent, PointerEvent } from "react";
import type { Edge } from "../../layout/geometry";
import { titleOf } from "../../layout/panels";
import { equaliseBetween, resizeBetween } from "../../layout/store";
import styles from "./Layout.module.css";

const STEP = 0.02;
const LARGE_STEP = 0.1;

/** The lines between panels: dragged, or moved with the arrow keys. */
export function Separators({ edges }: { edges: readonly Edge[] }) {
  return edges.map((edge) => <Separator key={`${edge.before} ${edge.after}`} edge={edge} />);
}

function Separator({ edge }: { edge: Edge }) {
  const { direction, rect, before, after, share } = edge;
  const percent = Math.round(share * 100);
  return (
    <div
      role="separator"
      className={`${styles.separator} ${styles[direction]}`}
      style={{ left: part(rect.x), top: part(rect.y), ...lengthOf(edge) }}
      tabIndex={0}
      aria-orientation={direction === "row" ? "vertical" : "horizontal"}
      aria-label={`Between ${titleOf(before)} and ${titleOf(after)}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      title="Drag, or move with the arrow keys; a double click makes all equal"
      onPointerDown={grab}
      onPointerMove={(event) => drag(event, edge)}
      onKeyDown={(event) => press(event, edge)}
      onDoubleClick={() => equaliseBetween(before, after)}
    />
  );
}

function lengthOf({ direction, rect }: Edge) {
  return direction === "row" ? { height: part(rect.height) } : { width: part(rect.width) };
}

function grab(event: PointerEvent): void {
  event.currentTarget.setPointerCapture(event.pointerId);
}

function drag(event: PointerEvent, { direction, before, after, from, to }: Edge): void {
  if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
  const area = event.currentTarget.parentElement?.getBoundingClientRect();
  if (area === undefined) return;
  const at = direction === "row" ? (event.clientX - area.left) / area.width : (event.clientY - area.top) / area.height;
  resizeBetween(before, after, (at - from) / (to - from));
}

function press(event: KeyboardEvent, { direction, before, after, share }: Edge): void {
  const step = event.shiftKey ? LARGE_STEP : STEP;
  const [less, more] = direction === "row" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  const wanted = { [less as string]: share - step, [more as string]: share + step, Home: 0, End: 1, Enter: null }[
    event.key
  ];
  if (wanted === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  if (wanted === null) equaliseBetween(before, after);
  else resizeBetween(before, after, wanted);
}

function part(of: number): string {
  return `${of * 100}%`;
}

import type { ReactNode } from "react";
import styles from "./RunListBar.module.css";

interface RunListBarProps {
  marked: number;
  /** Of those, how many the filter leaves out. */
  unseen: number;
  onDraw(): void;
  onTag(): void;
  onDelete(): void;
  onClear(): void;
}

/** What can be done with the rows that are marked. */
export function RunListBar({ marked, unseen, onDraw, onTag, onDelete, onClear }: RunListBarProps) {
  return (
    <div className={styles.bar} role="toolbar" aria-label="Marked runs">
      <span role="status" className="label">
        {marked} MARKED{unseen > 0 && <span className="dim"> ({unseen} not shown)</span>}
      </span>
      <Act onClick={onDraw} title="Draw them together in the charts">
        DRAW
      </Act>
      <Act onClick={onTag} title="Add or take away tags (t)">
        TAG
      </Act>
      <Act onClick={onDelete} title="Delete them (d)" danger>
        DELETE
      </Act>
      <Act onClick={onClear} title="Mark none (Esc)">
        CLEAR
      </Act>
    </div>
  );
}

interface DeletedBarProps {
  count: number;
  error: string | null;
  onUndo(): void;
}

/** For a while after a delete: the way back. */
export function DeletedBar({ count, error, onUndo }: DeletedBarProps) {
  return (
    <div className={styles.bar}>
      <span role="status" className={error === null ? "label" : "bad"}>
        {error ?? `DELETED ${count} ${count === 1 ? "RUN" : "RUNS"}`}
      </span>
      <Act onClick={onUndo} title="Bring back what was deleted">
        UNDO (u)
      </Act>
    </div>
  );
}

interface ActProps {
  onClick(): void;
  title: string;
  danger?: boolean;
  children: ReactNode;
}

function Act({ onClick, title, danger = false, children }: ActProps) {
  return (
    <button type="button" className={`button ${danger ? "danger" : ""}`} title={title} onClick={onClick}>
      {children}
    </button>
  );
}

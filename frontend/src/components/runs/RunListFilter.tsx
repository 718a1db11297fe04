import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import styles from "./RunListHead.module.css";

interface RunListFilterProps {
  text: string;
  /** What of it could not be read. */
  message: string | null;
  onChange(text: string): void;
}

const HELP = "Words, status:failed, tag:x, project:x, name:x, loss<2.5, config.lr=0.001. All have to fit.";

/** The filter of the run list; `f` in the panel leads here, Esc empties it and leads back. */
export function RunListFilter({ text, message, onChange }: RunListFilterProps) {
  const field = useRef<HTMLInputElement>(null);
  const told = useId();
  useEffect(() => focusOn("f", field.current), []);
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Escape" && text !== "") onChange("");
    else if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") toRows(event.currentTarget);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span className={styles.filter}>
      <input
        ref={field}
        type="search"
        value={text}
        placeholder="filter (f)"
        title={message ?? HELP}
        aria-label="Filter runs"
        aria-invalid={message !== null}
        aria-describedby={message === null ? undefined : told}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={press}
      />
      {message !== null && (
        <span id={told} role="status" className={`warning ${styles.message}`}>
          {message}
        </span>
      )}
    </span>
  );
}

/** Have a key anywhere in the field's panel lead to the field. */
function focusOn(key: string, field: HTMLInputElement | null): (() => void) | undefined {
  const panel = field?.closest<HTMLElement>("[data-panel]");
  if (!field || !panel) return undefined;
  const press = (event: globalThis.KeyboardEvent) => {
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (event.key !== key || modified || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    field.focus();
    field.select();
  };
  panel.addEventListener("keydown", press);
  return () => panel.removeEventListener("keydown", press);
}

function toRows(field: HTMLInputElement): void {
  const panel = field.closest<HTMLElement>("[data-panel]");
  (panel?.querySelector<HTMLElement>("[data-focus]") ?? panel)?.focus();
}

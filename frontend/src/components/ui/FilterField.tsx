import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { isField } from "../layout/keys";
import styles from "./FilterField.module.css";

interface FilterFieldProps {
  text: string;
  label: string;
  /** What can be typed. */
  help: string;
  /** What of it could not be read. */
  message?: string | null;
  onChange(text: string): void;
}

/** A panel's filter: `f` in the panel leads here, Esc empties it and leads back to the rows. */
export function FilterField({ text, label, help, message = null, onChange }: FilterFieldProps) {
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
        title={message ?? help}
        aria-label={label}
        aria-invalid={message !== null}
        aria-describedby={message === null ? undefined : told}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={press}
      />
      {message !== null && (
        <span id={told} role="status" className={`warning clip ${styles.message}`}>
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
    if (event.key !== key || modified || isField(event.target as Element)) return;
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

import { type KeyboardEvent, useEffect, useRef } from "react";
import { isField } from "../layout/keys";
import { PHONE, useMedia } from "../layout/useMedia";
import styles from "./FilterField.module.css";

interface FilterFieldProps {
  text: string;
  label: string;
  /** What can be typed. */
  help: string;
  /** Id of what tells that it could not be read; null when it could. */
  told?: string | null;
  onChange(text: string): void;
}

/** A panel's filter: `f` in the panel leads here, Esc empties it, then leads back to the rows. */
export function FilterField({ text, label, help, told = null, onChange }: FilterFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const phone = useMedia(PHONE);
  useEffect(() => focusOn("f", field.current), []);
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Escape" && text !== "") onChange("");
    else if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") toRows(event.currentTarget);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <input
      ref={field}
      className={styles.filter}
      type="search"
      value={text}
      placeholder={phone ? "filter" : "filter (f)"}
      title={help}
      aria-label={label}
      aria-invalid={told !== null}
      aria-describedby={told ?? undefined}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={press}
    />
  );
}

/** What of a filter could not be read, above the rows. */
export function FilterMessage({ id, text }: { id: string; text: string | null }) {
  if (text === null) return null;
  return (
    <p id={id} role="status" className={`warning ${styles.message}`}>
      {text}
    </p>
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

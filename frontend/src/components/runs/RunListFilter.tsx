import { type KeyboardEvent, useEffect, useRef } from "react";
import { PHONE, useMedia } from "../layout/useMedia";
import styles from "./RunListHead.module.css";

interface RunListFilterProps {
  text: string;
  /** Id of what tells that it could not be read; null when it could. */
  told: string | null;
  onChange(text: string): void;
}

const HELP = "Words, status:failed, tag:x, project:x, name:x, loss<2.5, config.lr=0.001. All have to fit.";

/** The filter of the run list; `f` in the panel leads here, Esc empties it and leads back. */
export function RunListFilter({ text, told, onChange }: RunListFilterProps) {
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
      title={HELP}
      aria-label="Filter runs"
      aria-invalid={told !== null}
      aria-describedby={told ?? undefined}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={press}
    />
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

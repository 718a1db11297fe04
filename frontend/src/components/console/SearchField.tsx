import type { KeyboardEvent, RefObject } from "react";
import type { Hits } from "../../state/hits";
import { Icon } from "../ui/Icon";
import styles from "./Console.module.css";

interface SearchFieldProps {
  field: RefObject<HTMLInputElement | null>;
  text: string;
  hits: Hits | null;
  /** The line that was walked to. */
  current: number | null;
  onChange(text: string): void;
  onStep(by: 1 | -1): void;
  onLeave(): void;
}

/** Searched as it is typed. Enter goes to the next hit, Shift Enter to the one before, Esc back to the lines. */
export function SearchField({ field, text, hits, current, onChange, onStep, onLeave }: SearchFieldProps) {
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter") onStep(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") onLeave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const found = (hits?.places.length ?? 0) > 0;
  return (
    <div className={styles.search} role="search">
      <label>
        FIND
        <input
          ref={field}
          type="text"
          aria-label="Search the console"
          placeholder="f"
          value={text}
          maxLength={500}
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={press}
        />
      </label>
      <span className={`${styles.count} ${hits?.done && !found ? "bad" : "value"}`} role="status">
        {hits === null ? "" : told(hits, current)}
      </span>
      {found && (
        <span className="seg">
          <button type="button" aria-label="Previous hit" onClick={() => onStep(-1)}>
            <Icon name="up" />
          </button>
          <button type="button" aria-label="Next hit" onClick={() => onStep(1)}>
            <Icon name="down" />
          </button>
        </span>
      )}
    </div>
  );
}

/** `hit 3 of 120`; `+` when there are more, or may be. */
function told({ places, done, more, error }: Hits, current: number | null): string {
  if (error !== null) return error;
  const count = `${places.length.toLocaleString("en-US")}${done && !more ? "" : "+"}`;
  const at = current === null ? -1 : places.indexOf(current);
  if (at >= 0) return `hit ${(at + 1).toLocaleString("en-US")} of ${count}`;
  if (places.length === 0) return done ? "no hit" : "searching";
  return `${count} ${count === "1" ? "hit" : "hits"}`;
}

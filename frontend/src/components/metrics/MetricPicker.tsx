import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { best } from "../../command/rank";
import { useLatest } from "../../hooks/useLiveValue";
import { useNames, useSettled } from "../../hooks/useNames";
import { value } from "../../lib/format";
import { isGlob, meant } from "../../lib/patterns";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import styles from "./MetricPicker.module.css";

/** Of these letters may be left out; of the others any part of the name finds them. */
const LOADED = 2_000;
const FOUND = 200;
const TYPING_MS = 80;

interface MetricPickerProps {
  runId: string | null;
  /** Names and globs. */
  chosen: readonly string[];
  onChange(chosen: readonly string[]): void;
  onClose(): void;
}

/** Choose metrics by their names: typed, walked to with the arrows, taken and given back with Enter. */
export function MetricPicker({ runId, chosen, onChange, onClose }: MetricPickerProps) {
  const [text, setText] = useState("");
  const [walked, setWalked] = useState(0);
  const list = useId();
  const { options, total, all } = useOptions(runId, text.trim());
  const at = Math.min(walked, options.length - 1);
  const toggle = (name: string) =>
    onChange(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  const walk = (to: number) => setWalked(Math.max(0, Math.min(options.length - 1, to)));
  const keys = new Map<string, () => void>([
    ["ArrowDown", () => walk(at + 1)],
    ["ArrowUp", () => walk(at - 1)],
    ["PageDown", () => walk(at + 10)],
    ["PageUp", () => walk(at - 10)],
    ["Enter", () => options[at] !== undefined && toggle(options[at])],
  ]);
  if (text === "") keys.set("Backspace", () => onChange(chosen.slice(0, -1)));
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return onClose();
    const act = keys.get(event.key);
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  return (
    <Dialog title="METRICS" onClose={onClose}>
      <Chosen chosen={chosen} onRemove={toggle} />
      <input
        className={styles.field}
        type="text"
        role="combobox"
        aria-label="Search metrics"
        aria-expanded="true"
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={options[at] === undefined ? undefined : `${list}-${at}`}
        placeholder="any part of a name, or a glob: layer.*/grad_norm"
        value={text}
        maxLength={500}
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setWalked(0);
        }}
        onKeyDown={press}
      />
      <div id={list} className={styles.options} role="listbox" aria-label="Metrics" aria-multiselectable="true">
        {options.map((name, index) => (
          <Option
            key={name}
            id={`${list}-${index}`}
            runId={runId}
            name={name}
            walked={index === at}
            chosen={chosen.includes(name)}
            count={isGlob(name) ? total : null}
            onToggle={() => toggle(name)}
          />
        ))}
      </div>
      <p className={styles.foot}>
        <span role="status" className="value">
          {countWords(total, all, text)}
        </span>
        <span className="dim">
          <b>↑ ↓</b> walk · <b>ENTER</b> take or give back · <b>ESC</b> done
        </span>
      </p>
    </Dialog>
  );
}

function Chosen({ chosen, onRemove }: { chosen: readonly string[]; onRemove(name: string): void }) {
  return (
    <ul className={styles.chosen} aria-label="Chosen metrics">
      {chosen.length === 0 && <li className="dim">none chosen</li>}
      {chosen.map((name) => (
        <li key={name}>
          <button type="button" className="button" aria-label={`Remove ${name}`} onClick={() => onRemove(name)}>
            {name} <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}

interface OptionProps {
  id: string;
  runId: string | null;
  name: string;
  walked: boolean;
  chosen: boolean;
  /** How many names a glob means. */
  count: number | null;
  onToggle(): void;
}

function Option({ id, runId, name, walked, chosen, count, onToggle }: OptionProps) {
  const latest = useLatest(count === null ? runId : null, name);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (walked) element.current?.scrollIntoView?.({ block: "nearest" });
  }, [walked]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
    <div
      ref={element}
      id={id}
      role="option"
      aria-selected={chosen}
      className={walked ? styles.walked : undefined}
      onClick={onToggle}
    >
      <span className={styles.tick}>{chosen && <Icon name="ok" />}</span>
      <span className="clip" title={name}>
        {name}
      </span>
      {count === null ? (
        <span className="value">{value(latest.value)}</span>
      ) : (
        <span className="info">all {count.toLocaleString("en-US")}</span>
      )}
    </div>
  );
}

/** What the text finds: a glob itself and the names that fit it, else names that hold the text, else similar ones. */
function useOptions(runId: string | null, text: string): { options: string[]; total: number; all: number } {
  const settled = useSettled(text, TYPING_MS);
  const loaded = useNames(runId, "", LOADED);
  const found = useNames(runId, settled, FOUND);
  return useMemo(() => {
    const all = loaded.total;
    if (text === "") return { options: loaded.names.slice(0, FOUND), total: all, all };
    // What comes from the server may still be of what was typed before.
    const matching = meant([...new Set([...found.names, ...loaded.names])], [text]);
    const total = Math.max(settled === text ? found.total : 0, matching.length);
    if (isGlob(text)) return { options: [text, ...matching.slice(0, FOUND)], total, all };
    const holding = best(text, matching, (name) => name, FOUND).map(({ item }) => item);
    const similar = best(text, loaded.names, (name) => name, FOUND).map(({ item }) => item);
    const options = [...new Set([...holding, ...similar])].slice(0, FOUND);
    return { options, total: Math.max(total, options.length), all };
  }, [loaded, found, settled, text]);
}

function countWords(total: number, all: number, text: string): string {
  const count = (number: number) => number.toLocaleString("en-US");
  if (text === "") return `${count(all)} ${all === 1 ? "metric" : "metrics"}`;
  return `${count(total)} of ${count(all)}`;
}

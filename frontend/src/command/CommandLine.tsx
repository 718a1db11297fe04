import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useId, useLayoutEffect, useRef } from "react";
import { useScreen } from "../layout/screen";
import { bindings } from "./bindings";
import styles from "./CommandLine.module.css";
import type { Candidate, Context } from "./command";
import { isReady } from "./execute";
import { takeLine } from "./linked";
import { COMMANDS } from "./registry";
import { leadsToLine, PLACEHOLDER } from "./slash";
import { type Line, useCommandLine } from "./useCommandLine";

interface CommandLineProps {
  context: Context;
  /** Told what is typed, so that metrics can be looked for. */
  onType(text: string): void;
  /** Runs are known, so that a line may name them. */
  ready: boolean;
  /** What was typed before this was there; null when nobody was at the line. */
  typed?: string | null;
  /** Enter was pressed after it. */
  sent?: boolean;
  /** In front of what is typed: what is selected. */
  children: ReactNode;
}

/** The line at the top: functions, runs and metrics by a few letters, and GO. */
export function CommandLine({ context, onType, ready, typed = null, sent = false, children }: CommandLineProps) {
  const input = useRef<HTMLInputElement>(null);
  const from = useRef<Element | null>(null);
  const line = useCommandLine(
    context,
    useCallback(() => fieldOf(input.current, from.current), []),
    onType,
  );
  const id = useId();
  useSlash(input, from);
  useTaking(typed, input, line);
  useSending(sent && ready ? typed : null, line);
  useBindings(line.run);
  useLinkedLine(ready, context, line, input);
  const { candidates, chosen, said } = line;
  const list = candidates.length > 0;
  return (
    <search className={styles.line} aria-label="Command line">
      {children}
      <input
        ref={input}
        value={line.text}
        role="combobox"
        aria-label="Command"
        aria-expanded={list}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={list && chosen !== null ? `${id}-${chosen}` : undefined}
        placeholder={PLACEHOLDER}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        onChange={(event) => line.type(event.target.value)}
        onFocus={() => line.open(true)}
        onBlur={() => line.open(false)}
        onKeyDown={(event) => press(event, line)}
      />
      <button type="button" className={styles.go} onMouseDown={keepFocus} onClick={line.go}>
        GO <span aria-hidden="true">↵</span>
      </button>
      <div className={styles.below}>
        <span role="status" className={`${styles.said} ${said?.tone ?? ""}`}>
          {said?.text}
        </span>
        {list && <Choices id={id} candidates={candidates} chosen={chosen} onTake={line.take} />}
      </div>
    </search>
  );
}

/** The field; who leaves it is led back to where they came from, unless a command led elsewhere. */
function fieldOf(input: HTMLInputElement | null, from: Element | null) {
  if (input === null) return null;
  return {
    focus: () => input.focus(),
    select: () => input.select(),
    blur() {
      input.blur();
      if (document.activeElement === document.body && from instanceof HTMLElement) from.focus();
    },
  };
}

function press(event: KeyboardEvent, line: Line): void {
  // Where letters are put together from several keys, these belong to the letter.
  if (event.nativeEvent.isComposing) return;
  const isTab = event.key === "Tab";
  if (isTab && (event.shiftKey || line.text === "" || line.candidates.length === 0)) return;
  const act = actOf(event.key, line);
  if (act === null) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

function actOf(key: string, line: Line): (() => void) | null {
  switch (key) {
    case "Enter":
      return line.go;
    case "Escape":
      return line.leave;
    case "ArrowDown":
      return () => line.choose(1);
    case "ArrowUp":
      return () => line.choose(-1);
    case "Tab":
      return line.complete;
    default:
      return null;
  }
}

/** The field would lose the focus, and its list with it, before the click. */
function keepFocus(event: { preventDefault(): void }): void {
  event.preventDefault();
}

interface ChoicesProps {
  id: string;
  candidates: readonly Candidate[];
  chosen: number | null;
  onTake(candidate: Candidate): void;
}

function Choices({ id, candidates, chosen, onTake }: ChoicesProps) {
  return (
    <div className={styles.choices}>
      <div id={id} role="listbox" aria-label="Suggestions">
        {candidates.map((candidate, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field that owns the list takes the keys
          <div
            key={candidate.line}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={chosen === index}
            className={styles.choice}
            onMouseDown={keepFocus}
            onClick={() => onTake(candidate)}
          >
            <span className={styles.number}>{index + 1})</span>
            <b className="clip">{candidate.title}</b>
            <span className="clip">{candidate.does}</span>
            <span className="dim">{candidate.key ?? `${index + 1} GO`}</span>
          </div>
        ))}
      </div>
      <p className={styles.hint}>Tab complete&ensp; ↓ ↑ choose&ensp; Enter GO&ensp; Esc close</p>
    </div>
  );
}

/** `/` and Ctrl+K lead here from everywhere but fields and dialogs. */
function useSlash(input: { current: HTMLInputElement | null }, from: { current: Element | null }): void {
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      if (!leadsToLine(event)) return;
      event.preventDefault();
      from.current = document.activeElement;
      input.current?.focus();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [input, from]);
}

/** Go on with what was typed while the functions were on their way, before the next key can come. */
function useTaking(typed: string | null, input: { current: HTMLInputElement | null }, { type }: Line): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it appears
  useLayoutEffect(() => {
    if (typed === null) return;
    input.current?.focus();
    if (typed !== "") type(typed);
  }, []);
}

/** Send what was typed and sent while the functions were on their way, once it stands in the line. */
function useSending(typed: string | null, line: Line): void {
  const sent = useRef(false);
  useEffect(() => {
    if (typed === null || sent.current || line.text !== typed) return;
    sent.current = true;
    line.go();
  });
}

/** Keys that stand for lines, where no field, dialog or panel took them. */
function useBindings(run: (line: string) => Promise<void>): void {
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      const line = event.defaultPrevented ? undefined : lineOf(event);
      if (line) void run(line);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [run]);
}

function lineOf(event: globalThis.KeyboardEvent): string | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || !useScreen.getState().letterKeys) return undefined;
  if (document.querySelector("dialog[open]") || document.activeElement?.matches("input, textarea, select"))
    return undefined;
  return Object.hasOwn(bindings(), event.key) ? bindings()[event.key] : undefined;
}

/**
 * A link may carry a line (`?go=`), when the page opens or in the page itself: done when it only shows something, else
 * put here for the person to send.
 */
function useLinkedLine(
  ready: boolean,
  context: Context,
  line: Line,
  input: { current: HTMLInputElement | null },
): void {
  const latest = useRef({ context, line });
  latest.current = { context, line };
  useEffect(() => {
    if (!ready) return;
    const take = () => {
      const text = takeLine();
      if (text === null) return;
      const { context, line } = latest.current;
      const command = isReady(text, COMMANDS, context);
      if (command && !command.changes) return void line.run(text);
      input.current?.focus();
      line.type(text);
    };
    take();
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, [ready, input]);
}

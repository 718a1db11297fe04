import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Candidate, Context } from "./command";
import { execute, isReady } from "./execute";
import { addToHistory, readHistory } from "./history";
import { COMMANDS } from "./registry";
import { suggest } from "./suggest";

const SAID_MS = 5_000;

/** What the line says back. */
export interface Said {
  tone: "good" | "bad";
  text: string;
}

export interface Line {
  text: string;
  /** What it may become; empty while nothing is typed or the line is left. */
  candidates: readonly Candidate[];
  /** The candidate that Enter takes; null: as it suits. */
  chosen: number | null;
  said: Said | null;
  type(text: string): void;
  open(open: boolean): void;
  /** Do what Enter does. */
  go(): void;
  /** Do a line as it stands. */
  run(text: string): Promise<void>;
  take(candidate: Candidate): void;
  /** Choose the next candidate, or the one before. */
  choose(by: 1 | -1): void;
  /** Put the likeliest candidate into the line. */
  complete(): void;
  leave(): void;
}

interface Field {
  focus(): void;
  select(): void;
  blur(): void;
}

/** What is typed, what it may become, and what came of it. */
export function useCommandLine(context: Context, field: () => Field | null, onType: (text: string) => void): Line {
  const typed = useTyped(onType);
  const { text, isOpen, open, chosen, setChosen, said, type } = typed;
  const candidates = useMemo(
    () => (isOpen ? (text.trim() === "" ? recent() : suggest(text, COMMANDS, context)) : []),
    [isOpen, text, context],
  );
  const { run, leave } = useRunning(context, field, typed);
  const take = (candidate: Candidate) => (candidate.open ? type(candidate.line) : void run(candidate.line));
  return {
    text,
    candidates,
    chosen,
    said,
    type,
    open,
    run,
    take,
    leave,
    go() {
      const candidate = toTake(text, candidates, chosen, isReady(text, COMMANDS, context) !== null);
      if (candidate === null) void run(text);
      else take(candidate);
    },
    choose: (by) => setChosen((now) => moved(now, by, candidates.length)),
    complete() {
      const candidate = candidates[chosen ?? 0];
      if (candidate) type(/\s$/.test(candidate.line) ? candidate.line : `${candidate.line} `);
    },
  };
}

type Typed = ReturnType<typeof useTyped>;

function useTyped(onType: (text: string) => void) {
  const [text, setText] = useState("");
  const [isOpen, open] = useState(false);
  const [chosen, setChosen] = useState<number | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  /** Counts what was typed. */
  const typings = useRef(0);
  const type = useCallback(
    (typed: string) => {
      typings.current += 1;
      setText(typed);
      setChosen(null);
      setSaid(null);
      open(true);
      onType(typed);
    },
    [onType],
  );
  useFading(said, setSaid);
  return { text, setText, isOpen, open, chosen, setChosen, said, setSaid, typings, type };
}

/** Doing lines. What is typed while one is on its way is the next line, and stays. */
function useRunning(context: Context, field: () => Field | null, typed: Typed): Pick<Line, "run" | "leave"> {
  const { setText, open, setChosen, setSaid, typings, type } = typed;
  const latest = useRef(context);
  latest.current = context;
  const leave = useCallback(() => {
    open(false);
    setText("");
    setChosen(null);
    field()?.blur();
  }, [field, open, setText, setChosen]);
  const refused = useCallback(
    (line: string) => {
      setText(line);
      // What could be meant instead is offered.
      open(true);
      field()?.focus();
      field()?.select();
    },
    [field, setText, open],
  );
  const run = useCallback(
    async (line: string) => {
      const prefill = (asked: string, message: string) => {
        type(asked);
        setSaid({ tone: "good", text: message });
        field()?.focus();
      };
      open(false);
      const before = typings.current;
      const { said, asks } = await outcomeOf(line, { ...latest.current, prefill });
      if (asks) return;
      setSaid(said);
      if (typings.current !== before) return;
      if (said?.tone === "bad") refused(line);
      else leave();
    },
    [field, type, leave, refused, open, setSaid, typings],
  );
  return { run, leave };
}

/** Do a line. `asks`: it put another one in its place. */
async function outcomeOf(line: string, context: Context): Promise<{ said: Said | null; asks: boolean }> {
  try {
    const { told, asks } = await execute(line, COMMANDS, context);
    addToHistory(line.trim());
    return { said: told === undefined ? null : { tone: "good", text: told }, asks };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { said: { tone: "bad", text }, asks: false };
  }
}

/** What went well is said for a moment; what went wrong stays until the next line. */
function useFading(said: Said | null, setSaid: (said: null) => void): void {
  useEffect(() => {
    if (said?.tone !== "good") return;
    const timer = setTimeout(() => setSaid(null), SAID_MS);
    return () => clearTimeout(timer);
  }, [said, setSaid]);
}

/** The candidate that Enter means: the chosen one, the one whose number stands there, else the likeliest. */
function toTake(
  text: string,
  candidates: readonly Candidate[],
  chosen: number | null,
  isReady: boolean,
): Candidate | null {
  if (chosen !== null) return candidates[chosen] ?? null;
  if (isReady || text.trim() === "") return null;
  if (/^[1-9]$/.test(text.trim())) return candidates[Number(text) - 1] ?? null;
  const [likeliest = null] = candidates;
  return likeliest?.vague ? null : likeliest;
}

function moved(now: number | null, by: 1 | -1, count: number): number | null {
  const next = (now ?? -1) + by;
  return next < 0 || count === 0 ? null : Math.min(next, count - 1);
}

const FIRST = ["ATTN", "LOG", "LOSS 1K", "SPIKE", "HELP"];

/** Lines done before, the newest first, and a way in for who has done none. */
function recent(): Candidate[] {
  const lines = readHistory().slice(-6).reverse();
  return (lines.length > 0 ? lines : FIRST).map((line) => {
    const name = line.split(/\s/)[0]?.toUpperCase();
    return { line, title: line, does: COMMANDS.find((command) => command.name === name)?.does ?? "again" };
  });
}

import { type RefObject, useEffect, useRef } from "react";
import { useHits } from "../../hooks/useLogs";
import type { LineFilter } from "../../live/lines";
import type { Console } from "../../state/console";
import { searchConsole, useConsoleSearch } from "../../state/consoleSearch";
import { type Hits, hitBeside } from "../../state/hits";
import type { Scroll } from "./useScroll";

interface SearchOptions {
  log: Console;
  runId: string;
  filter: LineFilter;
  scroll: Scroll;
  current: number | null;
  setCurrent(place: number): void;
}

interface Search {
  field: RefObject<HTMLInputElement | null>;
  text: string;
  hits: Hits | null;
  setText(text: string): void;
  /** To the next hit, or the one before; around the ends. */
  step(by: 1 | -1): void;
}

/** Finds lines by their text. What was typed shows its nearest hit as soon as all are known. */
export function useSearch({ log, runId, filter, scroll, current, setCurrent }: SearchOptions): Search {
  const field = useRef<HTMLInputElement>(null);
  const { text } = useConsoleSearch();
  const hits = useHits(log, runId, filter, text);
  const shown = useRef<Hits | null>(null);

  const go = (index: number) => {
    const place = hits?.places[index];
    if (place === undefined) return;
    setCurrent(place);
    scroll.show(place);
  };
  useEffect(() => {
    if (hits === null || !hits.done || hits.text !== text || shown.current === hits) return;
    shown.current = hits;
    const from = current ?? (scroll.following ? null : (scroll.rows[0]?.place ?? 0));
    go(from === null ? hits.places.length - 1 : hitBeside(hits.places, from - 1, 1));
  });
  const step = (by: 1 | -1) => {
    if (hits === null) return;
    const from = current ?? (scroll.rows[0]?.place ?? 0) - 1;
    go(hitBeside(hits.places, from, by));
  };
  return { field, text, hits, setText: searchConsole, step };
}

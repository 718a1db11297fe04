import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";

interface RowKeysOptions {
  /** Ids of the rows in their order. */
  ids: readonly string[];
  /** The row that keys start from before any was walked to. */
  start: string | null;
  scrollTo(index: number): void;
  /** Enter. */
  open(id: string): void;
  /** Any other key on a row; returns whether it was used. */
  other?(key: string, id: string): boolean;
}

export interface RowKeys {
  /** The one row that Tab reaches. */
  current: string | null;
  onKeyDown(event: KeyboardEvent<HTMLElement>): void;
  onFocus(id: string): void;
  /** For the row's element, which takes the focus when keys walked to it. */
  rowRef(id: string): (element: HTMLElement | null) => void;
  /** For the box around the rows that are drawn: while the current one is not, the box takes the focus and the keys. */
  box(drawn: readonly { index: number }[]): { tabIndex: number; "data-focus": true | undefined };
}

const STEPS: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

/** Walking through rows by keyboard, one row at a time in the Tab order; rows may come and go. */
export function useRowKeys({ ids, start, scrollTo, open, other }: RowKeysOptions): RowKeys {
  const [walked, setWalked] = useState<string | null>(null);
  const wanted = useRef<string | null>(null);
  const elements = useRef(new Map<string, HTMLElement>());
  const current = [walked, start].find((id) => id !== null && ids.includes(id)) ?? ids[0] ?? null;

  const walk = (id: string, index: number) => {
    wanted.current = id;
    setWalked(id);
    scrollTo(index);
    elements.current.get(id)?.focus();
  };
  useEffect(() => {
    // A row far away is drawn only after the scrolling: it takes the focus then.
    const element = wanted.current === null ? undefined : elements.current.get(wanted.current);
    if (element === undefined) return;
    if (document.activeElement !== element) element.focus();
    wanted.current = null;
  });

  /** Returns whether the key was used. */
  const press = (key: string, from: string): boolean => {
    const target = targetOf(key, ids.indexOf(from), ids.length);
    const id = target === null ? undefined : ids[target];
    if (target !== null && id !== undefined) walk(id, target);
    else if (key === "Enter") open(from);
    else return other?.(key, from) ?? false;
    return true;
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const from = rowOf(event.target as Node, elements.current) ?? current;
    if (from !== null && !isElsewhere(event) && press(event.key, from)) event.preventDefault();
  };
  const rowRef = useCallback(
    (id: string) => (element: HTMLElement | null) => {
      if (element === null) elements.current.delete(id);
      else elements.current.set(id, element);
    },
    [],
  );
  const box: RowKeys["box"] = (drawn) => {
    const seen = current === null || drawn.some(({ index }) => ids[index] === current);
    return { tabIndex: seen ? -1 : 0, "data-focus": seen ? undefined : true };
  };
  return { current, onKeyDown, onFocus: setWalked, rowRef, box };
}

function rowOf(target: Node, elements: ReadonlyMap<string, HTMLElement>): string | null {
  for (const [id, element] of elements) if (element.contains(target)) return id;
  return null;
}

/** Enter and Space on a button inside a row belong to the button, and what is held with Ctrl to the browser. */
function isElsewhere(event: KeyboardEvent<HTMLElement>): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  // By its name: elements of another window are of its classes.
  return (event.target as Element).matches("button") && (event.key === "Enter" || event.key === " ");
}

function targetOf(key: string, index: number, length: number): number | null {
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  const by = STEPS[key];
  return by === undefined ? null : Math.min(length - 1, Math.max(0, index + by));
}

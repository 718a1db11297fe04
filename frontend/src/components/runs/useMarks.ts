import { useCallback, useMemo, useRef, useState } from "react";

export interface Marks {
  ids: ReadonlySet<string>;
  toggle(id: string): void;
  /** Mark all rows from where the stretch began to this one; rows of the stretch before that are left out again. */
  extend(from: string, to: string): void;
  /** The stretch is through: the next one begins anew. */
  rest(): void;
  all(): void;
  clear(): void;
}

interface Stretch {
  from: string;
  /** What was marked before it. */
  before: ReadonlySet<string>;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Rows that are marked to do something with all of them; `shown` are the ids of all rows in their order. */
export function useMarks(shown: readonly string[]): Marks {
  const [ids, setIds] = useState(NOBODY);
  const stretch = useRef<Stretch | null>(null);
  const rows = useRef(shown);
  rows.current = shown;

  const put = useCallback((next: ReadonlySet<string>) => {
    stretch.current = null;
    setIds(next);
  }, []);
  const toggle = useCallback((id: string) => {
    stretch.current = null;
    setIds((marked) => {
      const next = new Set(marked);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const extend = useCallback(
    (from: string, to: string) => {
      stretch.current ??= { from, before: ids };
      const [first, last] = [stretch.current.from, to].map((id) => rows.current.indexOf(id)) as [number, number];
      const between = rows.current.slice(Math.min(first, last), Math.max(first, last) + 1);
      setIds(new Set([...stretch.current.before, ...between]));
    },
    [ids],
  );
  return useMemo(
    () => ({
      ids,
      toggle,
      extend,
      rest: () => {
        stretch.current = null;
      },
      all: () => put(new Set(rows.current)),
      clear: () => put(NOBODY),
    }),
    [ids, toggle, extend, put],
  );
}

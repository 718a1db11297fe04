import { type RefObject, useEffect, useRef } from "react";

export interface Start {
  /** The row that keys start from. */
  id: string | null;
  /** Tell which row they are at now. */
  at(current: string | null): void;
  /** Tell that a row has the focus. */
  focused(id: string): void;
}

/** Where keys go on when the row that they were at is gone: at the one in its place, else at `usual`. */
export function useStart(ids: readonly string[], usual: string | null, rows: RefObject<HTMLElement | null>): Start {
  const last = useRef<{ id: string; index: number } | null>(null);
  const heir = useRef<string | null>(null);
  const now = useRef<string | null>(null);
  const focused = useRef<string | null>(null);
  if (last.current !== null && !ids.includes(last.current.id)) {
    heir.current = ids[Math.min(last.current.index, ids.length - 1)] ?? null;
  }
  useEffect(() => {
    const [gone, id] = [last.current?.id, now.current];
    last.current = id === null ? null : { id, index: ids.indexOf(id) };
    // The focus went with the row.
    if (gone !== undefined && gone === focused.current && !ids.includes(gone)) takeFocus(rows.current);
  });
  return {
    id: heir.current !== null && ids.includes(heir.current) ? heir.current : usual,
    at: (current) => {
      now.current = current;
    },
    focused: (id) => {
      focused.current = id;
    },
  };
}

/** Focus the row that keys are at, unless something else has the focus. */
function takeFocus(rows: HTMLElement | null): void {
  const page = rows?.ownerDocument;
  if (page?.activeElement === page?.body) rows?.querySelector<HTMLElement>("[data-focus]")?.focus();
}

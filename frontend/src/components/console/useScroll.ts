import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Row } from "../../live/lines";
import type { Console } from "../../state/console";

export const LINE_PX = 18;
/** Browsers draw no box higher than some 16 million pixels; in a longer log a pixel of the bar stands for more. */
const MOST_TRAVEL_PX = 8_000_000;

export interface Scroll {
  box: RefObject<HTMLDivElement | null>;
  /** What is to be drawn, from the top or, while it follows, up to the end. */
  rows: readonly Row[];
  /** Height of what is scrolled through, and of the part that is seen. */
  space: number;
  height: number;
  following: boolean;
  /** Lines printed since it stopped following. */
  waiting: number;
  onScroll(): void;
  follow(): void;
  /** Go so many rows down, or up. */
  move(by: number): void;
  page(by: 1 | -1): void;
  /** Put a line on top. */
  turnTo(place: number): void;
  /** Bring a line into view, in the middle unless it is there. */
  show(place: number): void;
}

/** Top row and number of lines when it stopped following; null: it follows. */
type Held = { top: number; total: number } | null;

/**
 * Scrolling by lines through any number of them. The bar stands for the numbers of the lines; wheel and keys go from
 * one line to the next, so that they pass over numbers without a line.
 */
export function useScroll(log: Console): Scroll {
  const box = useRef<HTMLDivElement>(null);
  const height = useHeight(box);
  const [held, setHeld] = useState<Held>(null);
  const { lines } = log;
  const fits = Math.max(1, Math.floor(height / LINE_PX));
  const following = held === null;
  const rows = useRows(log, held, fits + 2);
  const range = Math.max(0, lines.total - lines.first - fits);
  const travel = Math.min(range * LINE_PX, MOST_TRAVEL_PX);
  const bar = useBar(box, { held, range, travel, first: lines.first });

  const turnTo = useCallback(
    (place: number) => setHeld((known) => ({ top: place, total: known?.total ?? lines.total })),
    [lines],
  );
  const follow = useCallback(() => setHeld(null), []);
  const start = held?.top ?? rows[Math.max(0, rows.length - shownIn(box.current, fits))]?.place ?? lines.first;
  const downwards = useRef(false);
  const move = (by: number) => {
    if (by > 0 && following) return;
    downwards.current = by > 0;
    const walk = by > 0 ? lines.after(start, by + 1) : lines.before(start, -by);
    const target = by > 0 ? walk.rows.at(-1) : walk.rows[0];
    if (target !== undefined) turnTo(target.place);
  };
  const show = (place: number) => {
    const visible = rows.slice(following ? -fits : 0, following ? undefined : fits);
    const known = visible.some((row) => row.place === place);
    if (known && following) turnTo(start);
    else if (!known) turnTo(besides(lines, visible, place, fits));
  };
  useEffect(() => {
    // Who goes down to the end follows again; who walks to a line there stays with it.
    if (downwards.current && rows.length < fits + 2 && isEndShown(box.current)) follow();
    downwards.current = false;
  });
  useWheel(box, move);
  useSelectionHold(box, following, () => turnTo(start));

  const onScroll = () => {
    const part = bar.dragged();
    if (part === null) return;
    downwards.current = true;
    if (part >= 1) follow();
    else turnTo(lines.first + Math.round(part * range));
  };
  const page = (by: 1 | -1) => move(by * Math.max(1, shownIn(box.current, fits) - 1));
  const waiting = held === null ? 0 : Math.max(0, lines.total - held.total);
  return { box, rows, space: height + travel, height, following, waiting, onScroll, follow, move, page, turnTo, show };
}

/** The rows to draw. While the newest are on their way, those before them stay. */
function useRows(log: Console, held: Held, count: number): readonly Row[] {
  const { lines } = log;
  const shown = useRef<{ log: Console; rows: readonly Row[] }>({ log, rows: [] });
  const { rows, missing } = held === null ? lines.before(lines.total, count) : lines.after(held.top, count);
  const from = missing?.from;
  const limit = missing?.limit;
  useEffect(() => {
    if (from !== undefined && limit !== undefined && log.ready) log.want({ from, limit });
    lines.forget(held?.top ?? lines.total);
  });
  const stale = held === null && missing !== null && shown.current.log === log && shown.current.rows.length > 0;
  if (!stale) shown.current = { log, rows };
  return shown.current.rows;
}

interface BarState {
  held: Held;
  range: number;
  travel: number;
  first: number;
}

/** Keeps the browser's scroll bar where the rows are; tells where somebody dragged it to, as a part of 1. */
function useBar(box: RefObject<HTMLDivElement | null>, { held, range, travel, first }: BarState) {
  const placed = useRef(0);
  const dragging = useRef(false);
  const part = held === null || range === 0 ? 1 : Math.min(1, (held.top - first) / range);
  const wanted = held === null ? travel : Math.min(part * travel, Math.max(0, travel - 2));
  useLayoutEffect(() => {
    const element = box.current;
    // Who drags the bar holds it; it is not taken from under the pointer.
    if (element !== null && !dragging.current && Math.abs(element.scrollTop - wanted) > 1) element.scrollTop = wanted;
    placed.current = element?.scrollTop ?? 0;
    dragging.current = false;
  });
  return {
    dragged: (): number | null => {
      const element = box.current;
      if (element === null || Math.abs(element.scrollTop - placed.current) <= 1) return null;
      dragging.current = true;
      placed.current = element.scrollTop;
      return element.scrollTop >= travel - 1 ? 1 : element.scrollTop / travel;
    },
  };
}

function useHeight(box: RefObject<HTMLElement | null>): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    setHeight(element.clientHeight);
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return height;
}

/** The wheel goes by lines, however many pixels of the bar a line is. Sideways it is the browser's. */
function useWheel(box: RefObject<HTMLElement | null>, move: (by: number) => void): void {
  const current = useRef(move);
  current.current = move;
  useEffect(() => {
    const element = box.current;
    let left = 0;
    const turn = (event: WheelEvent) => {
      if (event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      event.preventDefault();
      left += event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY : event.deltaY / LINE_PX;
      const whole = Math.trunc(left);
      left -= whole;
      if (whole !== 0) current.current(whole);
    };
    // React listens passively, which could not keep the browser from scrolling too.
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, [box]);
}

/** What is being selected does not move away. */
function useSelectionHold(box: RefObject<HTMLElement | null>, following: boolean, hold: () => void): void {
  const current = useRef(hold);
  current.current = hold;
  useEffect(() => {
    if (!following) return;
    const changed = () => hasSelection(box.current) && current.current();
    document.addEventListener("selectionchange", changed);
    return () => document.removeEventListener("selectionchange", changed);
  }, [box, following]);
}

export function hasSelection(box: HTMLElement | null): boolean {
  const selection = box?.ownerDocument.getSelection() ?? null;
  return selection !== null && !selection.isCollapsed && (box?.contains(selection.anchorNode) ?? false);
}

/** How many rows can be seen: fewer than fit where lines are wrapped. */
function shownIn(box: HTMLElement | null, fits: number): number {
  const rows = [...(box?.querySelectorAll("[data-line]") ?? [])];
  const frame = box?.getBoundingClientRect();
  if (frame === undefined || frame.height === 0) return fits;
  const seen = rows.filter((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return top >= frame.top - 1 && bottom <= frame.bottom + 1;
  });
  return Math.max(1, seen.length);
}

function isEndShown(box: HTMLElement | null): boolean {
  const last = box?.querySelector("[data-line]:last-child");
  if (box == null || last == null) return false;
  return last.getBoundingClientRect().bottom <= box.getBoundingClientRect().top + box.clientHeight + 1;
}

/** The top row with which a line is at the near edge when it is close by, else in the middle. */
function besides(lines: Console["lines"], visible: readonly Row[], place: number, fits: number): number {
  const [top, bottom] = [visible[0]?.place ?? 0, visible.at(-1)?.place ?? 0];
  const above = (count: number) => lines.before(place + 1, count).rows[0]?.place ?? place;
  if (place === lines.before(top, 1).rows[0]?.place) return place;
  if (place === lines.after(bottom + 1, 1).rows[0]?.place) return above(fits);
  return above(Math.ceil(fits / 2));
}

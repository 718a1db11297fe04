import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { clock, day } from "../../lib/format";
import type { LogEvent } from "../../services/types";
import { Icon } from "../ui/Icon";
import { useRowKeys } from "../ui/useRowKeys";
import styles from "./EventLog.module.css";
import { detailOf, markOf } from "./levels";

const LINE_PX = 18;
const NEAR_END_PX = 400;

interface EventLinesProps {
  events: readonly LogEvent[];
  /** Names of the runs by id. */
  names: ReadonlyMap<string, string>;
  hasOlder: boolean;
  onOlder(): void;
  following: boolean;
  /** The reader left the newest line, or came back to it. */
  onHold(): void;
  onFollow(): void;
}

/** The lines that can be seen; some open to what does not fit. */
export function EventLines({ events, names, hasOlder, onOlder, following, onHold, onFollow }: EventLinesProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const lines = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => events[index]?.id ?? index,
    overscan: 10,
  });
  useEffect(() => {
    if (following && scroll.current !== null && scroll.current.scrollTop > 0) scroll.current.scrollTop = 0;
  }, [following]);
  const toggle = (id: number) => setOpen((known) => toggled(known, id));
  const keys = useRowKeys({
    ids: events.map((event) => String(event.id)),
    start: null,
    scrollTo: (index) => lines.scrollToIndex(index),
    open: (id) => toggle(Number(id)),
  });
  const scrolled = () => {
    const box = scroll.current;
    if (box === null) return;
    const atTop = box.scrollTop <= LINE_PX / 2;
    if (atTop !== following) (atTop ? onFollow : onHold)();
    if (hasOlder && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX) onOlder();
  };
  return (
    <div
      ref={scroll}
      className={styles.log}
      role="log"
      aria-live="off"
      aria-label="Events"
      onScroll={scrolled}
      onKeyDown={(event: KeyboardEvent<HTMLElement>) => keys.onKeyDown(event)}
    >
      <div className={styles.space} style={{ height: lines.getTotalSize() }}>
        {lines.getVirtualItems().map(({ index, start }) => {
          const event = events[index] as LogEvent;
          const id = String(event.id);
          return (
            <div
              key={event.id}
              ref={lines.measureElement}
              data-index={index}
              className={styles.place}
              style={{ transform: `translateY(${start}px)` }}
            >
              <Line
                event={event}
                run={event.run_id == null ? event.source : (names.get(event.run_id) ?? event.source)}
                open={open.has(event.id)}
                current={keys.current === id}
                rowRef={keys.rowRef(id)}
                onToggle={() => toggle(event.id)}
                onFocus={() => keys.onFocus(id)}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function toggled(known: ReadonlySet<number>, id: number): Set<number> {
  const next = new Set(known);
  if (!next.delete(id)) next.add(id);
  return next;
}

interface LineProps {
  event: LogEvent;
  run: string;
  open: boolean;
  current: boolean;
  rowRef: (element: HTMLElement | null) => void;
  onToggle(): void;
  onFocus(): void;
}

function Line({ event, run, open, current, rowRef, onToggle, onFocus }: LineProps) {
  const detail = detailOf(event);
  const mark = markOf(event);
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the log around it takes the keys */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a line is walked to like a row */}
      <div
        ref={rowRef}
        className={`${styles.line} ${styles[event.level] ?? ""}`}
        tabIndex={current ? 0 : -1}
        data-focus={current || undefined}
        onClick={onToggle}
        onFocus={onFocus}
      >
        <time className="dim" title={`${day(event.time)} UTC`} dateTime={new Date(event.time / 1000).toISOString()}>
          {clock(event.time)}
        </time>
        <b className={mark.tone}>{mark.text}</b>
        <span className={`label clip ${styles.run}`} title={run}>
          {run}
        </span>
        <span className={`clip ${event.level === "error" ? "bad" : styles.message}`} title={event.message}>
          {detail !== null && <Icon name={open ? "down" : "right"} />} {event.message.split("\n", 1)[0]}
        </span>
      </div>
      {open && detail !== null && <pre className={styles.detail}>{detail}</pre>}
    </>
  );
}

import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { useZone } from "../../hooks/useZone";
import { clock, dated, step as stepText } from "../../lib/format";
import type { LogEvent, Run } from "../../services/types";
import { Icon } from "../ui/Icon";
import { useRowKeys } from "../ui/useRowKeys";
import styles from "./EventLog.module.css";
import { detailOf, markOf } from "./levels";
import { useNewest } from "./useNewest";

const LINE_PX = 18;
const NEAR_END_PX = 400;

interface EventLinesProps {
  events: readonly LogEvent[];
  /** By id. */
  runs: ReadonlyMap<string, Run>;
  /** Where the charts' crosshair stands. */
  at: Place | null;
  hasOlder: boolean;
  onOlder(): void;
  following: boolean;
  /** The reader left the newest line, or came back to it. */
  onHold(): void;
  onFollow(): void;
  /** Turn to where an event happened. */
  onTurn(event: LogEvent): void;
}

interface Place {
  run: string;
  step: number;
}

/** The lines that can be seen; some open to what does not fit. */
export function EventLines(props: EventLinesProps) {
  const { events, runs, at, hasOlder, onOlder, following, onHold, onFollow, onTurn } = props;
  useZone();
  const ids = useMemo(() => events.map((event) => String(event.id)), [events]);
  const scroll = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const lines = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => events[index]?.id ?? index,
    overscan: 10,
  });
  const goHome = useNewest(scroll, following, onFollow);
  const choose = (event: LogEvent) => {
    setOpen((known) => toggled(known, event.id));
    onTurn(event);
  };
  const keys = useRowKeys({
    ids,
    start: null,
    scrollTo: (index) => lines.scrollToIndex(index),
    open: (id) => choose(events[ids.indexOf(id)] as LogEvent),
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
      {...keys.box(lines.getVirtualItems())}
      onScroll={scrolled}
      onKeyDown={(event) => goHome(event) || keys.onKeyDown(event)}
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
                run={runs.get(event.run_id ?? "")?.name ?? event.source}
                here={at !== null && event.step === at.step && event.run_id === at.run}
                open={open.has(event.id)}
                current={keys.current === id}
                rowRef={keys.rowRef(id)}
                onChoose={() => choose(event)}
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
  /** The crosshair stands on its step. */
  here: boolean;
  open: boolean;
  current: boolean;
  rowRef: (element: HTMLElement | null) => void;
  onChoose(): void;
  onFocus(): void;
}

function Line({ event, run, here, open, current, rowRef, onChoose, onFocus }: LineProps) {
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
        data-here={here || undefined}
        data-open={open || undefined}
        onClick={onChoose}
        onFocus={onFocus}
      >
        <time className="dim" title={dated(event.time)} dateTime={new Date(event.time / 1000).toISOString()}>
          {clock(event.time)}
        </time>
        <b className={mark.tone}>{mark.text}</b>
        <span className={`label clip ${styles.run}`} title={run}>
          {run}
        </span>
        <span
          className={`clip ${styles.text} ${event.level === "error" ? "bad" : styles.message}`}
          title={event.message}
        >
          {detail !== null && <Icon name={open ? "down" : "right"} />} {event.message.split("\n", 1)[0]}
        </span>
        <Step step={event.step} here={here} />
      </div>
      {open && detail !== null && <pre className={`${styles.detail} ${styles[event.level] ?? ""}`}>{detail}</pre>}
    </>
  );
}

function Step({ step, here }: { step: number | null | undefined; here: boolean }) {
  if (step == null) return null;
  return (
    <span
      className={`${styles.step} ${here ? "info" : "dim"}`}
      title="Enter or a click puts the charts' crosshair here"
    >
      <span className="sr">step </span>@{stepText(step)}
    </span>
  );
}

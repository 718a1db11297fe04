import { type KeyboardEvent, useEffect, useRef } from "react";
import { clock } from "../../lib/format";
import type { Console } from "../../state/console";
import { plain } from "../../state/hits";
import { Icon } from "../ui/Icon";
import { Skeleton } from "../ui/Skeleton";
import styles from "./Console.module.css";
import { ConsoleLine } from "./ConsoleLine";
import { LINE_PX, type Scroll } from "./useScroll";

interface ConsoleLinesProps {
  log: Console;
  scroll: Scroll;
  wrap: boolean;
  wanted: string;
  current: number | null;
  marked: number | null;
  ranked: boolean;
  onChoose(place: number): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** The lines that can be seen, of however many there are. */
export function ConsoleLines(props: ConsoleLinesProps) {
  const { log, scroll, wrap, wanted, current, marked, ranked, onKeyDown } = props;
  const choose = useRef(props.onChoose);
  useEffect(() => {
    choose.current = props.onChoose;
  });
  const chooseLine = useRef((place: number) => choose.current(place)).current;
  const full = scroll.rows.length * LINE_PX > scroll.height || wrap;
  const look = [styles.log, wrap && styles.wrapped, scroll.following && styles.following].filter(Boolean).join(" ");
  return (
    <div className={styles.frame}>
      <div
        ref={scroll.box}
        className={look}
        role="log"
        aria-live="off"
        aria-label="Console output"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys walk through the lines
        tabIndex={0}
        data-focus
        data-total={log.lines.total}
        onScroll={scroll.onScroll}
        onKeyDown={onKeyDown}
      >
        <div className={styles.space} style={{ height: scroll.space }}>
          <div className={`${styles.screen} ${full ? styles.full : ""}`} style={{ height: scroll.height }}>
            {scroll.rows.map((row) => (
              <ConsoleLine
                key={row.place}
                place={row.place}
                line={row.line}
                wanted={wanted}
                current={row.place === current}
                marked={row.place === marked}
                ranked={ranked}
                onChoose={chooseLine}
              />
            ))}
          </div>
        </div>
      </div>
      <State log={log} empty={scroll.rows.length === 0} />
      <p className="sr" role="status">
        {current === null ? "" : spoken(log, current)}
      </p>
      {!scroll.following && (
        <button type="button" className={styles.badge} title="End" onClick={scroll.follow}>
          <Icon name="down" /> {waitingWords(scroll.waiting)}
        </button>
      )}
    </div>
  );
}

function State({ log, empty }: { log: Console; empty: boolean }) {
  if (!empty) return null;
  return (
    <div className={styles.state}>
      {log.error !== null ? (
        <p className="empty bad">{log.error}</p>
      ) : log.ready ? (
        <p className="empty">{log.lines.total > 0 ? "No such line." : "Nothing printed yet."}</p>
      ) : (
        <Skeleton rows={10} label="console output" />
      )}
    </div>
  );
}

function spoken(log: Console, place: number): string {
  const line = log.lines.at(place);
  return line === null ? "" : `line ${place + 1}, ${clock(line.time)}, ${line.stream}: ${plain(line.text)}`;
}

function waitingWords(waiting: number): string {
  if (waiting === 0) return "TO THE END";
  return `+${waiting.toLocaleString("en-US")} NEW ${waiting === 1 ? "LINE" : "LINES"}`;
}

import { memo } from "react";
import { useZone } from "../../hooks/useZone";
import { clock } from "../../lib/format";
import type { LogLine } from "../../services/types";
import { spansOf } from "./ansi";
import styles from "./Console.module.css";
import { piecesOf } from "./marks";
import { styleOf } from "./paint";

/** Longer lines are cut: the file that can be downloaded has all of it. */
const MOST_CHARACTERS = 8_000;

interface ConsoleLineProps {
  place: number;
  /** Null while it is on its way. */
  line: LogLine | null;
  wanted: string;
  current: boolean;
  /** Where the charts' crosshair stands. */
  marked: boolean;
  /** Ranks are told where there are several. */
  ranked: boolean;
  onChoose(place: number): void;
}

/** One line as a terminal shows it, behind its number, its time and its stream. */
export const ConsoleLine = memo(function ConsoleLine({
  place,
  line,
  wanted,
  current,
  marked,
  ranked,
  onChoose,
}: ConsoleLineProps) {
  useZone();
  const look = [styles.line, current && styles.current, marked && styles.marked, styles[line?.level ?? ""]];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the log around it takes the keys
    // biome-ignore lint/a11y/noStaticElementInteractions: a line is walked to like a row
    <div
      className={look.filter(Boolean).join(" ")}
      data-line={place}
      data-current={current || undefined}
      onClick={() => onChoose(place)}
    >
      <span className={styles.number}>{place + 1}</span>
      <span className={styles.time}>{line === null ? "" : clock(line.time)}</span>
      <span className={`${styles.stream} ${line?.stream === "stderr" ? styles.stderr : ""}`}>
        {tagOf(line, ranked)}
      </span>
      <span className={styles.text}>{line === null ? "…" : <Text text={line.text} wanted={wanted} />}</span>
    </div>
  );
});

function tagOf(line: LogLine | null, ranked: boolean): string {
  if (line === null) return "";
  const stream = line.stream === "stderr" ? "err" : "out";
  return ranked ? `${stream} r${line.rank ?? 0}` : stream;
}

function Text({ text, wanted }: { text: string; wanted: string }) {
  const shown = text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text;
  const pieces = piecesOf(spansOf(shown), wanted);
  return (
    <>
      {pieces.map((piece, at) => {
        const Tag = piece.hit ? "mark" : "span";
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text have no other name
          <Tag key={at} style={piece.hit ? undefined : styleOf(piece.look)}>
            {piece.text}
          </Tag>
        );
      })}
      {shown.length < text.length && (
        <span className="label"> … {(text.length - shown.length).toLocaleString("en-US")} characters more</span>
      )}
    </>
  );
}

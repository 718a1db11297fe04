import { value } from "../../lib/format";
import type { Run } from "../../services/types";
import { useRunLine } from "../runs/useRunLine";
import { Change } from "../ui/Change";
import styles from "./Tape.module.css";

/** More than a screen has place for would only cost time. */
const MOST = 24;

interface TapeProps {
  runs: readonly Run[];
  onSelect(id: string): void;
}

/** The newest value of every running run, side by side. It stands still; only its figures move. */
export function Tape({ runs, onSelect }: TapeProps) {
  const running = runs.filter((run) => run.status === "running");
  const more = running.length - MOST;
  return (
    <section className={styles.tape} aria-label="Newest values of the running runs">
      {running.length === 0 && <span className={styles.none}>NOTHING IS RUNNING</span>}
      {running.slice(0, MOST).map((run) => (
        <Quote key={run.id} run={run} onSelect={onSelect} />
      ))}
      {more > 0 && <span className={styles.none}>+{more} MORE</span>}
    </section>
  );
}

function Quote({ run, onSelect }: { run: Run; onSelect(id: string): void }) {
  const { metric, value: now, previous } = useRunLine(run);
  return (
    <button type="button" className={styles.quote} onClick={() => onSelect(run.id)} title={metric ?? undefined}>
      <span className={`label clip ${styles.name}`}>{run.name}</span> <b className="value">{value(now)}</b>{" "}
      {metric !== null && <Change metric={metric} now={now} before={previous} />}
    </button>
  );
}

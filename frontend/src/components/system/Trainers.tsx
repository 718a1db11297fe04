import { useLatest } from "../../hooks/useLiveValue";
import { bytes, NOTHING, percent } from "../../lib/format";
import type { Run } from "../../services/types";
import styles from "./SystemStatus.module.css";

interface TrainersProps {
  host: string;
  runs: readonly Run[];
  onSelect(runId: string): void;
}

/** The training processes that are running on a host, with what they take of it. */
export function Trainers({ host, runs, onSelect }: TrainersProps) {
  const here = runs.filter((run) => run.status === "running" && run.host === host);
  if (here.length === 0) return <p className={styles.note}>NO TRAINING ON THIS HOST</p>;
  return (
    <table className={styles.table} aria-label="Training processes">
      <thead>
        <tr>
          <th className={styles.pid}>PID</th>
          <th>TRAINER</th>
          <th className={`number ${styles.load}`}>CPU %</th>
          <th className={`number ${styles.memory}`}>MEMORY</th>
          <th className={`number ${styles.threads}`}>THREADS</th>
        </tr>
      </thead>
      <tbody>
        {here.map((run) => (
          <Trainer key={run.id} run={run} onSelect={onSelect} />
        ))}
      </tbody>
    </table>
  );
}

function Trainer({ run, onSelect }: { run: Run; onSelect(runId: string): void }) {
  const load = useLatest(run.id, "system/process/cpu_percent");
  const memory = useLatest(run.id, "system/process/memory_used");
  const threads = useLatest(run.id, "system/process/threads");
  return (
    <tr>
      <td className="dim">{run.pid ?? NOTHING}</td>
      <td className="clip">
        <button type="button" className={`clip ${styles.trainer}`} onClick={() => onSelect(run.id)} title={run.name}>
          {run.name}
        </button>
      </td>
      <td className="number value">{percent(load.value)}</td>
      <td className="number value">{bytes(memory.value)}</td>
      <td className={`number value ${styles.threads}`}>{threads.value ?? NOTHING}</td>
    </tr>
  );
}

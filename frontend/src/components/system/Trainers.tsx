import { NOTHING, step as stepText } from "../../lib/format";
import type { Run } from "../../services/types";
import styles from "./SystemStatus.module.css";

interface TrainersProps {
  /** Runs on this host. */
  ids: readonly string[];
  runs: readonly Run[];
  onSelect(runId: string): void;
}

/** The training processes of a host that are running now. */
export function Trainers({ ids, runs, onSelect }: TrainersProps) {
  const here = runs.filter((run) => run.status === "running" && ids.includes(run.id));
  if (here.length === 0) return <p className={styles.note}>NO TRAINING ON THIS HOST</p>;
  return (
    <table className={styles.table} aria-label="Training processes">
      <thead>
        <tr>
          <th className={styles.pid}>PID</th>
          <th>TRAINER</th>
          <th>PROJECT</th>
          <th className={`number ${styles.memory}`}>STEP</th>
        </tr>
      </thead>
      <tbody>
        {here.map((run) => (
          <tr key={run.id}>
            <td className="dim">{run.pid ?? NOTHING}</td>
            <td className="clip">
              <button
                type="button"
                className={`clip ${styles.trainer}`}
                onClick={() => onSelect(run.id)}
                title={run.name}
              >
                {run.name}
              </button>
            </td>
            <td className="clip dim">{run.project}</td>
            <td className="number value">{stepText(run.step)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

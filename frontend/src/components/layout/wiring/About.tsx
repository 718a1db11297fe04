import type { Selection } from "../../../hooks/useSelection";
import type { Run } from "../../../services/types";
import { Swatch } from "../../ui/Swatch";
import styles from "../Dashboard.module.css";

/** In a panel's heading: which run it is about. */
export function About({ run, selection }: { run: Run | null; selection: Selection }) {
  if (run === null) return null;
  return (
    <span className={styles.about}>
      <Swatch colour={selection.colourOf(run.id)} dash={selection.dashOf(run.id)} />
      <span className="clip" title={run.name}>
        {run.name}
      </span>
    </span>
  );
}

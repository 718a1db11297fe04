import { Swatch } from "../components/ui/Swatch";
import type { Selection } from "../hooks/useSelection";
import type { Run } from "../services/types";
import styles from "./CommandLine.module.css";

/** In front of what is typed: the run that it is about. */
export function Prompt({ run, selection }: { run: Run | null; selection: Selection }) {
  return (
    <>
      <span className={styles.prompt} aria-hidden="true">
        &gt;
      </span>
      {run && (
        <>
          <Swatch colour={selection.colourOf(run.id)} dash={selection.dashOf(run.id)} />
          <b className="clip" title={`R${run.number} ${run.name}`}>
            {run.name}
          </b>
        </>
      )}
    </>
  );
}

import { useState } from "react";
import type { Checkpoint } from "../../services/types";
import { CopyButton } from "../ui/CopyButton";
import styles from "./CheckpointList.module.css";
import { nameOf } from "./columns";

interface CheckpointActionsProps {
  checkpoint: Checkpoint;
  onMarkBest(id: string): Promise<void>;
}

/** What can be done with a checkpoint. */
export function CheckpointActions({ checkpoint, onMarkBest }: CheckpointActionsProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const mark = async () => {
    setBusy(true);
    setError(null);
    await onMarkBest(checkpoint.id).catch((failure: Error) => setError(failure.message));
    setBusy(false);
  };
  return (
    <span className={styles.buttons}>
      <button
        type="button"
        className={`button ${error === null ? "" : "danger"}`}
        disabled={checkpoint.is_best || busy}
        title={error ?? undefined}
        aria-label={`${error ?? "Mark as best"}: ${nameOf(checkpoint)}`}
        onClick={(event) => {
          event.stopPropagation();
          void mark();
        }}
      >
        {error === null ? "BEST" : "FAILED"}
      </button>
      <CopyButton text={checkpoint.filepath} label={`Copy the path of ${nameOf(checkpoint)}`}>
        COPY PATH
      </CopyButton>
    </span>
  );
}

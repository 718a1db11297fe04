import { type FormEvent, type ReactNode, useId, useState } from "react";
import { Dialog } from "../ui/Dialog";
import styles from "./Actions.module.css";

interface ConfirmDialogProps {
  title: string;
  /** What has to be typed. */
  word: string;
  /** On the button. */
  verb: string;
  /** Throws an `Error` to show; the dialog closes when it is through. */
  onConfirm(): Promise<void>;
  onClose(): void;
  children: ReactNode;
}

/** Asks before something that can't be taken back; typing the run's number shows that it is this run that is meant. */
export function ConfirmDialog({ title, word, verb, onConfirm, onClose, children }: ConfirmDialogProps) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const id = useId();
  const matches = typed.trim().toUpperCase() === word.toUpperCase();
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    if (!matches || busy) return;
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className={styles.confirm} onSubmit={confirm}>
        {children}
        <label htmlFor={id}>
          Type <b className="value">{word}</b> to go on
        </label>
        <div className={styles.answer}>
          <input
            id={id}
            value={typed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
          />
          <button type="submit" className="button danger" disabled={!matches || busy}>
            {verb}
          </button>
          <button type="button" className="button" onClick={onClose}>
            CANCEL
          </button>
        </div>
        {error !== null && (
          <p className="bad" role="alert">
            {error}
          </p>
        )}
      </form>
    </Dialog>
  );
}

import { type FormEvent, type KeyboardEvent, type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import styles from "./AskDialog.module.css";
import { Dialog } from "./Dialog";

/** What is to be written before a dialog goes on. */
export interface Field {
  label: ReactNode;
  /** What is there now. */
  text: string;
  /** Several lines; Ctrl+Enter sends them. */
  long?: boolean;
  /** Whether it may be sent; left out: always. */
  allows?(text: string): boolean;
}

interface AskDialogProps {
  title: string;
  /** On the button. */
  verb: string;
  /** It takes something away. */
  danger?: boolean;
  /** Left out: nothing has to be written, and Enter goes on. */
  field?: Field;
  /** Throws an `Error` to show; the dialog closes when it is through. */
  onGo(text: string): Promise<void>;
  onClose(): void;
  children?: ReactNode;
}

/** Asks before something is done, for a text or a plain yes. */
export function AskDialog({ title, verb, danger = false, field, onGo, onClose, children }: AskDialogProps) {
  const [typed, setTyped] = useState(field?.text ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const allowed = field?.allows?.(typed) ?? true;
  const go = async (event: FormEvent) => {
    event.preventDefault();
    if (!allowed || busy) return;
    setBusy(true);
    setError(null);
    try {
      await onGo(typed);
      onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className={styles.form} onSubmit={go}>
        {children}
        {field && <Written field={field} typed={typed} onType={setTyped} />}
        <div className={styles.answer}>
          {field?.long && <span className="dim">Ctrl+Enter saves</span>}
          <button type="submit" className={`button ${danger ? "danger" : "go"}`} disabled={!allowed || busy}>
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

/** For what can't be taken back: typing the run's number shows that it is this run that is meant. */
export function confirmedBy(word: string): Field {
  return {
    label: (
      <>
        Type <b className="value">{word}</b> to go on
      </>
    ),
    text: "",
    allows: (text) => text.trim().toUpperCase() === word.toUpperCase(),
  };
}

interface WrittenProps {
  field: Field;
  typed: string;
  onType(text: string): void;
}

function Written({ field: { label, long }, typed, onType }: WrittenProps) {
  const id = useId();
  const line = useRef<HTMLInputElement>(null);
  // What is there is mostly written anew.
  useLayoutEffect(() => line.current?.select(), []);
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
  };
  const shared = { id, value: typed, spellCheck: false, className: styles.field };
  return (
    <>
      <label htmlFor={id}>{label}</label>
      {long ? (
        <textarea {...shared} rows={8} onChange={(event) => onType(event.target.value)} onKeyDown={press} />
      ) : (
        <input {...shared} ref={line} autoComplete="off" onChange={(event) => onType(event.target.value)} />
      )}
    </>
  );
}

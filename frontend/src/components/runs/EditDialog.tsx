import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Dialog } from "../ui/Dialog";
import styles from "./EditDialog.module.css";

interface EditDialogProps {
  title: string;
  label: string;
  /** What is there now. */
  text: string;
  /** On the button. */
  verb: string;
  /** Several lines; Ctrl+Enter saves. */
  long?: boolean;
  /** Why a text can't be taken, or null. */
  refuse?(text: string): string | null;
  /** Throws an `Error` to show; the dialog closes when it is through. */
  onSave(text: string): Promise<void>;
  onClose(): void;
  children?: ReactNode;
}

/** One text to change. */
export function EditDialog({
  title,
  label,
  text,
  verb,
  long = false,
  refuse,
  onSave,
  onClose,
  children,
}: EditDialogProps) {
  const [typed, setTyped] = useState(text);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const field = form.current?.querySelector<HTMLInputElement | HTMLTextAreaElement>("input, textarea");
    field?.focus();
    if (field instanceof HTMLInputElement) field.select();
  }, []);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const refused = refuse?.(typed) ?? null;
    setError(refused);
    if (refused !== null) return;
    setBusy(true);
    try {
      await onSave(typed);
      onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
  };
  const shared = { id, value: typed, spellCheck: false, className: styles.field };
  return (
    <Dialog title={title} onClose={onClose}>
      <form ref={form} className={styles.form} onSubmit={save}>
        {children}
        <label htmlFor={id}>{label}</label>
        {long ? (
          <textarea {...shared} rows={8} onChange={(event) => setTyped(event.target.value)} onKeyDown={press} />
        ) : (
          <input {...shared} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
        )}
        <div className={styles.answer}>
          {long && <span className="dim">Ctrl+Enter saves</span>}
          <button type="submit" className="button go" disabled={busy}>
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

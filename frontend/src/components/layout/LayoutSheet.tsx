import { useQuery, useQueryClient } from "@tanstack/react-query";
import {
  type ChangeEvent,
  type FormEvent,
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useRef,
  useState,
} from "react";
import { exportLayout, importLayout } from "../../layout/file";
import { deleteLayout, layoutNames, loadLayout, saveLayout } from "../../layout/saved";
import { useScreen } from "../../layout/screen";
import { resetLayout, useLayout } from "../../layout/store";
import { Dialog } from "../ui/Dialog";
import styles from "./LayoutSheet.module.css";

const NAMES = ["layouts"];
const MAX_NAME = 64;

/** All layouts: open one by its number, save what is shown, take it along as a file. */
export default function LayoutSheet() {
  const close = () => useScreen.getState().showLayouts(false);
  const [problem, setProblem] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const queries = useQueryClient();
  const { data: names = [], error } = useQuery({ queryKey: NAMES, queryFn: layoutNames, refetchOnMount: "always" });
  const attempt = async (what: () => void | Promise<void>, after?: () => void) => {
    try {
      await what();
      after?.();
      setProblem(null);
    } catch (reason) {
      setProblem(reason instanceof Error ? reason.message : String(reason));
    }
    void queries.invalidateQueries({ queryKey: NAMES });
  };
  const open = (name: string | null) => attempt(() => (name === null ? resetLayout() : loadLayout(name)), close);
  const told = problem ?? error?.message ?? null;
  return (
    <Dialog title="LAYOUTS" onClose={close}>
      <Names
        names={names}
        onOpen={open}
        onDelete={(name) => attempt(() => deleteLayout(name))}
        onLetter={() => {
          field.current?.focus();
          field.current?.select();
        }}
      />
      <Saving field={field} onSave={(name) => attempt(() => saveLayout(name), close)} />
      <Files
        onExport={() => attempt(exportLayout)}
        onImport={(file) => attempt(async () => importLayout(await file.text()), close)}
      />
      {told !== null && (
        <p role="alert" className="bad">
          {told}
        </p>
      )}
    </Dialog>
  );
}

interface NamesProps {
  names: readonly string[];
  onOpen(name: string | null): void;
  onDelete(name: string): void;
  /** A letter was pressed: a name begins, and the letter goes where the focus goes. */
  onLetter(): void;
}

/** Digits open: 0 is the default, the saved ones count from 1. */
function Names({ names, onOpen, onDelete, onLetter }: NamesProps) {
  const base = useLayout((layout) => layout.base);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => list.current?.querySelector("button")?.focus(), []);
  const press = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>(`.${styles.open}`) ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    // Else the first space in a name would open the layout in focus, over what was to be saved.
    if (isLetter(event)) return onLetter();
    if (next !== undefined) buttons.at(next % buttons.length)?.focus();
    else if (/^[0-9]$/.test(event.key)) buttons[Number(event.key)]?.click();
    else return;
    event.preventDefault();
  };
  return (
    <ol ref={list} className={styles.names} onKeyDown={press}>
      <Row number={0} name="3X3" current={base === null} onOpen={() => onOpen(null)} />
      {names.map((name, at) => (
        <Row
          key={name}
          number={at + 1}
          name={name}
          current={base === name}
          onOpen={() => onOpen(name)}
          onDelete={() => onDelete(name)}
        />
      ))}
    </ol>
  );
}

function isLetter({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return /^\p{L}$/u.test(key) && !(ctrlKey || metaKey || altKey);
}

interface RowProps {
  number: number;
  name: string;
  current: boolean;
  onOpen(): void;
  onDelete?(): void;
}

function Row({ number, name, current, onOpen, onDelete }: RowProps) {
  const changed = useLayout((layout) => layout.changed);
  return (
    <li>
      <button type="button" className={styles.open} aria-current={current ? "true" : undefined} onClick={onOpen}>
        <b className="label">{number})</b> <span className="clip">{name}</span>
        {current && <span className="dim">{changed ? "shown, changed since" : "shown"}</span>}
      </button>
      {onDelete && (
        <button type="button" className="button danger" aria-label={`Delete layout ${name}`} onClick={onDelete}>
          DELETE
        </button>
      )}
    </li>
  );
}

interface SavingProps {
  field: RefObject<HTMLInputElement | null>;
  onSave(name: string): void;
}

function Saving({ field, onSave }: SavingProps) {
  const base = useLayout((layout) => layout.base);
  const [name, setName] = useState(base ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") onSave(name.trim());
  };
  return (
    <form className={styles.saving} onSubmit={submit}>
      <label>
        <span className="dim">Save what is shown as</span>
        <input ref={field} value={name} maxLength={MAX_NAME} onChange={(event) => setName(event.target.value)} />
      </label>
      <button type="submit" className="button go" disabled={name.trim() === ""}>
        SAVE
      </button>
    </form>
  );
}

function Files({ onExport, onImport }: { onExport(): void; onImport(file: File): void }) {
  const field = useRef<HTMLInputElement>(null);
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const [file] = event.target.files ?? [];
    if (file !== undefined) onImport(file);
    event.target.value = "";
  };
  return (
    <p className={styles.files}>
      <button type="button" className="button" onClick={onExport}>
        EXPORT AS A FILE
      </button>
      <button type="button" className="button" onClick={() => field.current?.click()}>
        IMPORT A FILE
      </button>
      <input
        ref={field}
        type="file"
        accept="application/json,.json"
        aria-label="Layout file"
        hidden
        onChange={choose}
      />
    </p>
  );
}

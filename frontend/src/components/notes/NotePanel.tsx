import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useRunActions } from "../../hooks/useRunActions";
import { useRun } from "../../hooks/useRuns";
import { useSelection } from "../../hooks/useSelection";
import type { Run } from "../../services/types";
import { Panel } from "../layout/Panel";
import { About } from "../layout/wiring/About";
import { Markdown } from "./Markdown";
import styles from "./NotePanel.module.css";

/** The notes of the selected run, to read and to write. What is being written of other runs waits for them. */
export function NotePanel({ panelId }: { panelId: string }) {
  const selection = useSelection();
  const run = useRun(selection.selected);
  const [drafts, setDrafts] = useState<Drafts>(new Map());
  if (run !== null) {
    const change: Change = (to) => setDrafts((known) => withDraft(known, run.id, to(known.get(run.id) ?? null)));
    return <RunNotes key={run.id} panelId={panelId} run={run} draft={drafts.get(run.id) ?? null} onChange={change} />;
  }
  return (
    <Panel id={panelId}>
      <p className="empty">Select a run to see its notes.</p>
    </Panel>
  );
}

/** What is being written, by run. */
type Drafts = ReadonlyMap<string, string>;
/** Takes what is being written, and gives what becomes of it; null: it is read. */
type Change = (to: (draft: string | null) => string | null) => void;

function withDraft(drafts: Drafts, run: string, draft: string | null): Drafts {
  const next = new Map(drafts);
  if (draft === null) next.delete(run);
  else next.set(run, draft);
  return next;
}

interface RunNotesProps {
  panelId: string;
  run: Run;
  draft: string | null;
  onChange: Change;
}

function RunNotes({ panelId, run, draft, onChange }: RunNotesProps) {
  const selection = useSelection();
  const [error, setError] = useState<string | null>(null);
  const { setNotes } = useRunActions();
  const view = useRef<HTMLDivElement>(null);
  const edited = useRef(false);
  const begin = () => onChange(() => run.notes);
  const back = () => {
    onChange(() => null);
    setError(null);
  };
  useEffect(() => {
    // Who wrote goes on where the text is read.
    if (draft === null && edited.current) view.current?.focus();
    edited.current = draft !== null;
  }, [draft]);
  const keep = async () => {
    if (draft === null) return;
    try {
      await setNotes(run.id, draft);
      setError(null);
      // What was typed meanwhile is not saved yet.
      onChange((now) => (now === draft ? null : now));
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
  };
  const save = () => void keep();
  return (
    <Panel
      id={panelId}
      about={<About run={run} selection={selection} />}
      controls={<Controls writes={draft !== null} error={error} onBegin={begin} onSave={save} onLeave={back} />}
    >
      {draft === null ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: the button does the same
        <div
          ref={view}
          className={styles.notes}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled and edited by keys
          tabIndex={0}
          data-focus
          onKeyDown={(event) => event.key === "Enter" && event.target === event.currentTarget && begin()}
        >
          {run.notes.trim() === "" ? (
            <p className="dim">No notes yet. Enter begins to write; markdown is understood.</p>
          ) : (
            <Markdown text={run.notes} />
          )}
        </div>
      ) : (
        <Editor text={draft} onChange={(text) => onChange(() => text)} onSave={save} onLeave={back} />
      )}
    </Panel>
  );
}

interface ControlsProps {
  writes: boolean;
  error: string | null;
  onBegin(): void;
  onSave(): void;
  onLeave(): void;
}

function Controls({ writes, error, onBegin, onSave, onLeave }: ControlsProps) {
  if (!writes) {
    return (
      <button type="button" className="button" onClick={onBegin}>
        EDIT
      </button>
    );
  }
  return (
    <>
      {error !== null && (
        <span role="alert" className="bad clip" title={error}>
          {error}
        </span>
      )}
      <button type="button" className="button go" onClick={onSave}>
        SAVE
      </button>
      <button type="button" className="button" onClick={onLeave}>
        CANCEL
      </button>
    </>
  );
}

interface EditorProps {
  text: string;
  onChange(text: string): void;
  onSave(): void;
  onLeave(): void;
}

/** Ctrl Enter saves, Esc leaves it as it was. */
function Editor({ text, onChange, onSave, onLeave }: EditorProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const end = field.current?.value.length ?? 0;
    field.current?.focus();
    field.current?.setSelectionRange(end, end);
  }, []);
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onSave();
    else if (event.key === "Escape") onLeave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={styles.editor}>
      <textarea
        ref={field}
        aria-label="Notes"
        data-focus
        placeholder="# What this run tries"
        value={text}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={press}
      />
      <p className="dim">
        <b>CTRL ENTER</b> save · <b>ESC</b> as it was · # heading, - list, - [ ] task, **strong**, `code`,
        [text](https://…)
      </p>
    </div>
  );
}

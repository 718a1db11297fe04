import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useRunActions } from "../../hooks/useRunActions";
import { useRun } from "../../hooks/useRuns";
import { useSelection } from "../../hooks/useSelection";
import type { Run } from "../../services/types";
import { Panel } from "../layout/Panel";
import { About } from "../layout/wiring/About";
import { Markdown } from "./Markdown";
import styles from "./NotePanel.module.css";

/** The notes of the selected run, to read and to write. */
export function NotePanel({ panelId }: { panelId: string }) {
  const selection = useSelection();
  const run = useRun(selection.selected);
  if (run !== null) return <RunNotes key={run.id} panelId={panelId} run={run} />;
  return (
    <Panel id={panelId}>
      <p className="empty">Select a run to see its notes.</p>
    </Panel>
  );
}

function RunNotes({ panelId, run }: { panelId: string; run: Run }) {
  const selection = useSelection();
  /** What is being written; null: it is read. */
  const [draft, setDraft] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const { setNotes } = useRunActions();
  const view = useRef<HTMLDivElement>(null);
  const edited = useRef(false);
  const back = () => {
    setDraft(null);
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
      back();
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
  };
  return (
    <Panel
      id={panelId}
      about={<About run={run} selection={selection} />}
      controls={
        draft === null ? (
          <button type="button" className="button" onClick={() => setDraft(run.notes)}>
            EDIT
          </button>
        ) : (
          <>
            {error !== null && <span className="bad clip">{error}</span>}
            <button type="button" className="button go" onClick={() => void keep()}>
              SAVE
            </button>
            <button type="button" className="button" onClick={back}>
              CANCEL
            </button>
          </>
        )
      }
    >
      {draft === null ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: the button does the same
        <div
          ref={view}
          className={styles.notes}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled and edited by keys
          tabIndex={0}
          data-focus
          onKeyDown={(event) => event.key === "Enter" && event.target === event.currentTarget && setDraft(run.notes)}
        >
          {run.notes.trim() === "" ? (
            <p className="dim">No notes yet. Enter begins to write; markdown is understood.</p>
          ) : (
            <Markdown text={run.notes} />
          )}
        </div>
      ) : (
        <Editor text={draft} onChange={setDraft} onSave={() => void keep()} onLeave={back} />
      )}
    </Panel>
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

import type { RunActions } from "../../hooks/useRunActions";
import { short } from "../../lib/format";
import type { Run } from "../../services/types";
import actionStyles from "../actions/Actions.module.css";
import { ConfirmDialog } from "../actions/ConfirmDialog";
import { EditDialog } from "./EditDialog";
import { changedTags, countTags, tagsIn } from "./tags";

export type Task = "rename" | "tags" | "notes" | "delete";

interface RunListDialogsProps {
  task: Task;
  /** Whom it is about: the current row, or all that are marked. */
  runs: readonly Run[];
  actions: RunActions;
  onDelete(ids: readonly string[]): Promise<void>;
  onClose(): void;
}

/** What is asked before runs are changed. */
export default function RunListDialogs({ task, runs, actions, onDelete, onClose }: RunListDialogsProps) {
  const [first] = runs;
  if (first === undefined) return null;
  switch (task) {
    case "rename":
      return <RenameDialog run={first} rename={actions.rename} onClose={onClose} />;
    case "tags":
      return <TagDialog runs={runs} setTags={actions.setTags} onClose={onClose} />;
    case "notes":
      return <NoteDialog runs={runs} setNotes={actions.setNotes} onClose={onClose} />;
    case "delete":
      return <DeleteDialog runs={runs} onDelete={onDelete} onClose={onClose} />;
  }
}

/** `R3 baseline`, or `3 RUNS`. */
function nameOf(runs: readonly Run[]): string {
  const [first] = runs;
  return runs.length === 1 && first ? `R${first.number} ${first.name}` : `${runs.length} RUNS`;
}

interface RenameDialogProps {
  run: Run;
  rename: RunActions["rename"];
  onClose(): void;
}

function RenameDialog({ run, rename, onClose }: RenameDialogProps) {
  return (
    <EditDialog
      title={`RENAME ${nameOf([run])}`}
      label="Name"
      text={run.name}
      verb="RENAME"
      refuse={(text) => (text.trim() === "" ? "A run needs a name." : null)}
      onSave={(text) => rename(run.id, text.trim())}
      onClose={onClose}
    />
  );
}

interface TagDialogProps {
  runs: readonly Run[];
  setTags: RunActions["setTags"];
  onClose(): void;
}

function TagDialog({ runs, setTags, onClose }: TagDialogProps) {
  const alone = runs.length === 1;
  const save = (text: string) => forAll(runs, (run) => setTags(run.id, alone ? tagsIn(text) : changedTags(run, text)));
  return (
    <EditDialog
      title={`TAGS OF ${nameOf(runs)}`}
      label={alone ? "Tags, with commas between them" : "Tags to add; -tag takes one away; commas between them"}
      text={alone ? (runs[0]?.tags.join(", ") ?? "") : ""}
      verb="TAG"
      onSave={save}
      onClose={onClose}
    >
      {!alone && <Carried runs={runs} />}
    </EditDialog>
  );
}

/** The tags that runs have now, and how many of them. */
function Carried({ runs }: { runs: readonly Run[] }) {
  const counts = countTags(runs);
  if (counts.length === 0) return <p className="dim">None of them has a tag.</p>;
  return (
    <p>
      Now: <span className="value">{counts.map(([tag, count]) => `${tag} (${count})`).join(", ")}</span>
    </p>
  );
}

interface NoteDialogProps {
  runs: readonly Run[];
  setNotes: RunActions["setNotes"];
  onClose(): void;
}

function NoteDialog({ runs, setNotes, onClose }: NoteDialogProps) {
  const alone = runs.length === 1;
  const save = (text: string) =>
    forAll(runs, (run) => setNotes(run.id, alone ? text : [run.notes, text].filter(Boolean).join("\n")));
  return (
    <EditDialog
      title={`NOTES OF ${nameOf(runs)}`}
      label={alone ? "Notes" : "To add at the end of the notes of each"}
      text={alone ? (runs[0]?.notes ?? "") : ""}
      verb="SAVE"
      long
      onSave={save}
      onClose={onClose}
    />
  );
}

interface DeleteDialogProps {
  runs: readonly Run[];
  onDelete(ids: readonly string[]): Promise<void>;
  onClose(): void;
}

const LISTED = 6;

function DeleteDialog({ runs, onDelete, onClose }: DeleteDialogProps) {
  const points = runs.flatMap((run) => Object.values(run.summary)).reduce((sum, { count }) => sum + count, 0);
  const running = runs.filter((run) => run.status === "running").length;
  const further = runs.length - LISTED;
  return (
    <ConfirmDialog
      title={`DELETE ${nameOf(runs)}`}
      word={runs.length === 1 ? `R${runs[0]?.number}` : `${runs.length} RUNS`}
      verb="DELETE"
      onConfirm={() => onDelete(runs.map((run) => run.id))}
      onClose={onClose}
    >
      {runs.length > 1 && (
        <p className="value">
          {runs
            .slice(0, LISTED)
            .map((run) => `R${run.number} ${run.name}`)
            .join(", ")}
          {further > 0 && ` and ${further} more`}
        </p>
      )}
      <p>This is lost, unless it is undone while the runs lie in the server's trash:</p>
      <ul className={actionStyles.lost}>
        <li>
          <b className="value">{short(points)}</b> points{runs.some((run) => run.more) && " and more"}
        </li>
        <li>config, notes, events, console and checkpoint registrations; the checkpoints' files stay where they are</li>
        {running > 0 && (
          <li className="bad">
            {running} {running === 1 ? "run is" : "runs are"} still running, and will be told that nothing more is taken
          </li>
        )}
      </ul>
    </ConfirmDialog>
  );
}

/** Change runs one after another, so that the first refusal is told and the rest stays. */
async function forAll(runs: readonly Run[], change: (run: Run) => Promise<void>): Promise<void> {
  for (const run of runs) await change(run);
}

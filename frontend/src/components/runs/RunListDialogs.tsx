import type { RunActions } from "../../hooks/useRunActions";
import { short } from "../../lib/format";
import type { Run } from "../../services/types";
import actionStyles from "../actions/Actions.module.css";
import { AskDialog, confirmedBy } from "../ui/AskDialog";
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
  const go = async (text: string) => {
    if (text.trim() === "") throw new Error("A run needs a name.");
    await rename(run.id, text.trim());
  };
  const field = { label: "Name", text: run.name };
  return <AskDialog title={`RENAME ${nameOf([run])}`} verb="RENAME" field={field} onGo={go} onClose={onClose} />;
}

interface TagDialogProps {
  runs: readonly Run[];
  setTags: RunActions["setTags"];
  onClose(): void;
}

function TagDialog({ runs, setTags, onClose }: TagDialogProps) {
  const alone = runs.length === 1;
  const save = (text: string) => forAll(runs, (run) => setTags(run.id, alone ? tagsIn(text) : changedTags(run, text)));
  const label = alone ? "Tags, with commas between them" : "Tags to add; -tag takes one away; commas between them";
  const text = alone ? (runs[0]?.tags.join(", ") ?? "") : "";
  return (
    <AskDialog title={`TAGS OF ${nameOf(runs)}`} verb="TAG" field={{ label, text }} onGo={save} onClose={onClose}>
      {!alone && <Carried runs={runs} />}
    </AskDialog>
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
  const label = alone ? "Notes" : "To add at the end of the notes of each";
  const field = { label, text: alone ? (runs[0]?.notes ?? "") : "", long: true };
  return <AskDialog title={`NOTES OF ${nameOf(runs)}`} verb="SAVE" field={field} onGo={save} onClose={onClose} />;
}

interface DeleteDialogProps {
  runs: readonly Run[];
  onDelete(ids: readonly string[]): Promise<void>;
  onClose(): void;
}

const LISTED = 6;

/** A plain yes, since it can be undone, but for runs that go on: what they log from then on is lost for good. */
function DeleteDialog({ runs, onDelete, onClose }: DeleteDialogProps) {
  const points = runs.flatMap((run) => Object.values(run.summary)).reduce((sum, { count }) => sum + count, 0);
  const running = runs.filter((run) => run.status === "running").length;
  const further = runs.length - LISTED;
  const word = runs.length === 1 ? `R${runs[0]?.number}` : `${runs.length} RUNS`;
  return (
    <AskDialog
      title={`DELETE ${nameOf(runs)}`}
      verb="DELETE"
      danger
      {...(running > 0 ? { field: confirmedBy(word) } : {})}
      onGo={() => onDelete(runs.map((run) => run.id))}
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
      <p>This goes to the trash, from where UNDEL takes it back until it is purged:</p>
      <ul className={actionStyles.lost}>
        <li>
          <b className="value">{short(points)}</b> points{runs.some((run) => run.more) && " and more"}
        </li>
        <li>config, notes, events, console and checkpoint registrations; the checkpoints' files stay where they are</li>
        {running > 0 && (
          <li className="bad">
            {running} {running === 1 ? "run is" : "runs are"} still running: what is logged from now on is lost for good
          </li>
        )}
      </ul>
    </AskDialog>
  );
}

/** Change runs one after another, so that the first refusal is told and the rest stays. */
async function forAll(runs: readonly Run[], change: (run: Run) => Promise<void>): Promise<void> {
  for (const run of runs) await change(run);
}

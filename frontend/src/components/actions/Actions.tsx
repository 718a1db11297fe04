import { type KeyboardEvent, useState } from "react";
import type { Compare } from "../../hooks/useCompare";
import type { Selection } from "../../hooks/useSelection";
import { useZone } from "../../hooks/useZone";
import { companions } from "../../lib/compare";
import { clock, short, step as stepText, value } from "../../lib/format";
import type { Command, Run } from "../../services/types";
import { useRunLine } from "../runs/useRunLine";
import { AskDialog, confirmedBy } from "../ui/AskDialog";
import { Swatch } from "../ui/Swatch";
import styles from "./Actions.module.css";
import { type Action, type ActionId, actionsFor, courseOf } from "./menu";

export interface ActionsProps {
  run: Run | null;
  runs: readonly Run[];
  selection: Selection;
  commands: readonly Command[];
  /** How many checkpoints the run has registered. */
  checkpoints: number;
  paused: boolean;
  /** Why the last command could not be sent. */
  error: string | null;
  onStop(): Promise<void>;
  onDelete(): Promise<void>;
  onCopyLink(): Promise<boolean>;
  onPause(): void;
  compare: Compare;
}

/** What can be done, by number. */
export function Actions(props: ActionsProps) {
  const { run, selection, commands, paused, error } = props;
  const [asking, setAsking] = useState<"stop" | "delete" | null>(null);
  const [copied, setCopied] = useState<boolean | null>(null);
  const compared = selection.compared.length > 1;
  const actions = actionsFor({
    run,
    compared,
    companions: run !== null && companions(run, props.runs).length > 1,
    paused,
    commands,
  });
  const does: Record<ActionId, () => void> = {
    stop: () => setAsking("stop"),
    delete: () => setAsking("delete"),
    compare: compared ? props.compare.alone : props.compare.together,
    link: () => void props.onCopyLink().then(setCopied),
    pause: props.onPause,
  };
  const act = (action: Action) => {
    if (action.unless !== undefined) return;
    setCopied(null);
    does[action.id]();
  };
  const press = (event: KeyboardEvent) => {
    if (asking !== null || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actions[Number(event.key) - 1];
    if (action === undefined) return;
    // Else the digit would be typed into the dialog that it opens.
    event.preventDefault();
    act(action);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: digits pick an item anywhere in the panel
    <div className={styles.actions} onKeyDown={press}>
      <ol className={styles.menu}>
        {actions.map((action, index) => (
          <Item key={action.id} action={action} number={index + 1} onAct={() => act(action)} />
        ))}
        {copied !== null && (
          <li role="status" className={`${styles.said} ${copied ? "good" : "bad"}`}>
            {copied ? "LINK COPIED" : "THE BROWSER DOES NOT ALLOW COPYING"}
          </li>
        )}
      </ol>
      <div className={styles.side}>
        <Commands commands={commands} error={error} />
        <CompareSet runs={props.runs} selection={selection} />
      </div>
      {asking === "stop" && run && <StopDialog run={run} onStop={props.onStop} onClose={() => setAsking(null)} />}
      {asking === "delete" && run && (
        <DeleteDialog
          run={run}
          checkpoints={props.checkpoints}
          onDelete={props.onDelete}
          onClose={() => setAsking(null)}
        />
      )}
    </div>
  );
}

/** What does not apply keeps its place in the Tab order, so that the focus is not lost when a run ends. */
function Item({ action, number, onAct }: { action: Action; number: number; onAct(): void }) {
  const { title, key, danger, unless } = action;
  return (
    <li>
      <button type="button" aria-disabled={unless !== undefined || undefined} data-focus onClick={onAct}>
        <span className={styles.number}>{number})</span>
        <span className={danger && unless === undefined ? "bad" : undefined}>{title}</span>
        <span className={styles.key}>{unless ?? key}</span>
      </button>
    </li>
  );
}

function StopDialog({ run, onStop, onClose }: { run: Run; onStop(): Promise<void>; onClose(): void }) {
  return (
    <AskDialog
      title={`STOP ${run.name}`}
      verb="STOP"
      danger
      field={confirmedBy(`R${run.number}`)}
      onGo={onStop}
      onClose={onClose}
    >
      <p>
        The training script is asked to stop. It does so at its next look at <code>should_stop</code>; a script that
        never looks goes on. Points and checkpoints stay.
      </p>
    </AskDialog>
  );
}

interface DeleteDialogProps {
  run: Run;
  checkpoints: number;
  onDelete(): Promise<void>;
  onClose(): void;
}

function DeleteDialog({ run, checkpoints, onDelete, onClose }: DeleteDialogProps) {
  const points = Object.values(run.summary).reduce((sum, summary) => sum + summary.count, 0);
  return (
    <AskDialog title={`DELETE ${run.name}`} verb="DELETE" danger onGo={onDelete} onClose={onClose}>
      <p>This goes to the trash, from where UNDEL takes it back until it is purged:</p>
      <ul className={styles.lost}>
        <li>
          <b className="value">{short(points)}</b> points{run.more && " and more"}, up to step {stepText(run.step)}
        </li>
        <li>
          the registration of <b className="value">{checkpoints}</b> checkpoints; their files stay where they are
        </li>
        <li>its config, its events and its place in the run list</li>
      </ul>
    </AskDialog>
  );
}

function Commands({ commands, error }: { commands: readonly Command[]; error: string | null }) {
  useZone();
  const newest = commands.slice(-3).reverse();
  return (
    <section aria-label="Commands" aria-live="polite">
      <h3 className={styles.heading}>COMMANDS</h3>
      {error !== null && <p className={`bad ${styles.line}`}>{error}</p>}
      {newest.length === 0 && error === null && <p className={`dim ${styles.line}`}>None sent to this run.</p>}
      {newest.map((command) => (
        <p key={command.id} className={styles.line} title={command.message ?? undefined}>
          <span className="dim">{clock(command.time).slice(0, 8)}</span> <b>{command.command.toUpperCase()}</b>{" "}
          <span className={toneOf(command)}>{courseOf(command)}</span>
          {command.message && <span className="dim"> {command.message}</span>}
        </p>
      ))}
    </section>
  );
}

function toneOf({ state }: Command): string {
  if (state === "acknowledged") return "good";
  return state === "refused" || state === "expired" ? "bad" : "warning";
}

function CompareSet({ runs, selection }: { runs: readonly Run[]; selection: Selection }) {
  const compared = selection.compared.flatMap((id) => runs.find((run) => run.id === id) ?? []);
  return (
    <section aria-label="Compare set" className={styles.compare}>
      <h3 className={styles.heading}>
        COMPARE SET <span className="dim">{compared.length}</span>
      </h3>
      {compared.map((run) => (
        <Compared key={run.id} run={run} selection={selection} />
      ))}
    </section>
  );
}

function Compared({ run, selection }: { run: Run; selection: Selection }) {
  const line = useRunLine(run);
  return (
    <button type="button" className={styles.compared} onClick={() => selection.select(run.id)}>
      <Swatch colour={selection.colourOf(run.id)} dash={selection.dashOf(run.id)} />
      <span className="clip" title={run.name}>
        {run.name}
      </span>
      <span className="value">{value(line.value)}</span>
    </button>
  );
}

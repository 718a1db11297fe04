import { lazy, type ReactNode, Suspense, useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import type { RunActions } from "../../hooks/useRunActions";
import type { Selection } from "../../hooks/useSelection";
import { MAX_COMPARED } from "../../lib/compare";
import type { Run } from "../../services/types";
import { changeView, useViewPart } from "../../state/view";
import { FilterMessage } from "../ui/FilterField";
import { Skeleton } from "../ui/Skeleton";
import styles from "./RunList.module.css";
import { DeletedBar, RunListBar } from "./RunListBar";
import type { Task } from "./RunListDialogs";
import { RunListGrid } from "./RunListGrid";
import { LIVE, RunListHead } from "./RunListHead";
import { useDeleted } from "./useDeleted";
import { useMarks } from "./useMarks";
import { useShown } from "./useShown";

const RunListDialogs = lazy(() => import("./RunListDialogs"));

interface RunListProps {
  /** All of them, newest first. */
  runs: readonly Run[];
  counts: Readonly<Record<string, number>>;
  loading: boolean;
  error: string | null;
  selection: Selection;
  actions: RunActions;
  /** Milliseconds since the newest point of a run. */
  ageOf(runId: string): number | null;
  frame(about: ReactNode, controls: ReactNode, body: ReactNode): ReactNode;
}

const TASKS: Readonly<Record<string, Task>> = { r: "rename", t: "tags", n: "notes", d: "delete" };

/** All runs, each with what matters about it now, in the order and with the filter of the view. */
export function RunList({ runs, counts, loading, error, selection, actions, ageOf, frame }: RunListProps) {
  const [filter, sort] = [useViewPart("filter"), useViewPart("sort")];
  const shown = useShown(runs, filter, sort);
  const ids = useMemo(() => shown.runs.map((run) => run.id), [shown.runs]);
  const marks = useMarks(ids);
  const marked = useMemo(
    () => (marks.ids.size === 0 ? [] : runs.filter((run) => marks.ids.has(run.id))),
    [runs, marks.ids],
  );
  const told = useId();
  const deleted = useDeleted(actions, selection);
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = useCallback(() => setAsked(null), []);
  const about = asked === null ? [] : runs.filter((run) => asked.ids.has(run.id));
  const ask = (task: Task, current: string | null) =>
    setAsked({ task, ids: marked.length > 0 && task !== "rename" ? marks.ids : new Set(current ? [current] : []) });
  const letter = (key: string, id: string) => {
    const task = TASKS[key];
    if (task !== undefined) ask(task, id);
    else if (key === "c") draw(id, selection);
    else if (key === "u" && deleted.ids.length > 0) void deleted.undo();
    else return false;
    return true;
  };
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return frame(
    <span className="dim">{filter.trim() === "" ? total : `${shown.runs.length}/${total}`}</span>,
    <RunListHead counts={counts} filter={filter} sort={sort} told={shown.message === null ? null : told} />,
    <Whole dialog={asked !== null}>
      <FilterMessage id={told} text={shown.message} />
      <Body loading={loading} error={error} empty={shown.runs.length === 0} filter={filter.trim()}>
        <RunListGrid
          runs={shown.runs}
          settled={shown.settled}
          ids={ids}
          sort={sort}
          selection={selection}
          marks={marks}
          ageOf={ageOf}
          onLetter={letter}
        />
      </Body>
      {marked.length > 0 && (
        <RunListBar
          marked={marked.length}
          unseen={unseen(ids, marked)}
          onDraw={() => drawAll(marked, selection)}
          onTag={() => ask("tags", null)}
          onDelete={() => ask("delete", null)}
          onClear={marks.clear}
        />
      )}
      {deleted.ids.length > 0 && (
        <DeletedBar count={deleted.ids.length} error={deleted.error} onUndo={() => void deleted.undo()} />
      )}
      {asked !== null && (
        <Suspense>
          <RunListDialogs
            task={asked.task}
            runs={about}
            actions={actions}
            onDelete={async (gone) => {
              await deleted.remove(gone);
              marks.clear();
            }}
            onClose={close}
          />
        </Suspense>
      )}
    </Whole>,
  );
}

interface Asked {
  task: Task;
  ids: ReadonlySet<string>;
}

/** How many marked rows the filter leaves out. */
function unseen(ids: readonly string[], marked: readonly Run[]): number {
  const seen = new Set(ids);
  return marked.filter((run) => !seen.has(run.id)).length;
}

/** Draw a run with the selected one, which is always drawn, or no longer. */
function draw(id: string, selection: Selection): void {
  if (id !== selection.selected) selection.toggleCompare(id);
}

function drawAll(runs: readonly Run[], selection: Selection): void {
  const ids = [selection.selected, ...runs.map((run) => run.id)].filter((id) => id !== null);
  changeView({ compared: [...new Set(ids)].slice(0, MAX_COMPARED) });
}

/** Rows above their bars; takes the focus back to the rows when a dialog closed over a row that is gone. */
function Whole({ dialog, children }: { dialog: boolean; children: ReactNode }) {
  const whole = useRef<HTMLDivElement>(null);
  const was = useRef(dialog);
  useEffect(() => {
    const closed = was.current && !dialog;
    was.current = dialog;
    if (closed && document.activeElement === document.body)
      whole.current?.querySelector<HTMLElement>("[data-focus]")?.focus();
  }, [dialog]);
  return (
    <div ref={whole} className={styles.whole}>
      {children}
    </div>
  );
}

interface BodyProps {
  loading: boolean;
  error: string | null;
  empty: boolean;
  filter: string;
  children: ReactNode;
}

function Body({ loading, error, empty, filter, children }: BodyProps) {
  if (loading) return <Skeleton rows={10} label="runs" />;
  if (error !== null && empty) return <p className="empty bad">{error}</p>;
  if (empty) return <p className="empty">{nothing(filter)}</p>;
  return <div className={styles.grid}>{children}</div>;
}

function nothing(filter: string): string {
  if (filter === "") return "No run yet.";
  return filter === LIVE ? "No run is running." : "No run fits the filter.";
}

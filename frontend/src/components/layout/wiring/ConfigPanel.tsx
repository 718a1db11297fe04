import { useMemo } from "react";
import { useFoundRun, useRun, useRunFacts } from "../../../hooks/useRuns";
import { type Selection, useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import type { Run } from "../../../services/types";
import { useViewPart } from "../../../state/view";
import type { Others } from "../../runs/Against";
import { RunDetails } from "../../runs/RunDetails";
import { Panel } from "../Panel";
import { About } from "./About";

export function ConfigPanel({ panelId }: { panelId: PanelId }) {
  const runs = useRunFacts();
  const selection = useSelection();
  const { run, loading } = useFoundRun(selection.selected);
  const against = useViewPart("against");
  const others = useMemo(() => (run === null ? NOBODY : othersOf(run, runs, selection)), [run, runs, selection]);
  const usual = others.drawn[0]?.id ?? before(run, runs)?.id ?? null;
  const chosen = useRun(against === run?.id ? null : against);
  const other = useRun(chosen?.id ?? usual);
  return (
    <RunDetails
      run={run}
      loading={loading}
      other={other}
      others={others}
      frame={(controls, body) => (
        <Panel id={panelId} about={<About run={run} selection={selection} />} controls={controls}>
          {body}
        </Panel>
      )}
    />
  );
}

const NOBODY: Others = { drawn: [], project: [] };
const MOST = 40;

/** Whom a run can be held against: those that are drawn, and the newest of its project. */
function othersOf(run: Run, runs: readonly Run[], { compared }: Selection): Others {
  const project: Run[] = [];
  for (const each of runs) {
    if (project.length === MOST) break;
    if (each.project === run.project && each.id !== run.id) project.push(each);
  }
  const drawn = compared.filter((id) => id !== run.id).map((id) => runs.find((each) => each.id === id));
  return { drawn: drawn.filter((each) => each !== undefined), project };
}

/** The one before it in its project. */
function before(run: Run | null, runs: readonly Run[]): Run | null {
  if (run === null) return null;
  return runs.find((each) => each.project === run.project && each.number < run.number) ?? null;
}

import { useRun, useRuns } from "../../../hooks/useRuns";
import { type Selection, useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import type { Run } from "../../../services/types";
import { RunDetails } from "../../runs/RunDetails";
import { Panel } from "../Panel";
import { About } from "./About";

export function ConfigPanel({ panelId }: { panelId: PanelId }) {
  const { runs } = useRuns();
  const selection = useSelection();
  const run = useRun(selection.selected);
  return (
    <RunDetails
      run={run}
      other={run === null ? null : otherThan(run, runs, selection)}
      frame={(controls, body) => (
        <Panel id={panelId} about={<About run={run} selection={selection} />} controls={controls}>
          {body}
        </Panel>
      )}
    />
  );
}

/** What a run's config is held against: another one that is drawn, else the one before it in its project. */
function otherThan(run: Run, runs: readonly Run[], selection: Selection): Run | null {
  const drawn = selection.compared.find((id) => id !== run.id);
  const before = runs.find((each) => each.project === run.project && each.number < run.number);
  return runs.find((each) => each.id === drawn) ?? before ?? null;
}

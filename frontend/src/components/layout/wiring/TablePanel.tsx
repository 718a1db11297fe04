import { useState } from "react";
import { useRun } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import { MetricsTable } from "../../metrics/MetricsTable";
import { FilterField } from "../../ui/FilterField";
import { Panel } from "../Panel";
import { About } from "./About";

/** The latest value of every metric of the selected run. */
export function TablePanel({ panelId }: { panelId: PanelId }) {
  const selection = useSelection();
  const run = useRun(selection.selected);
  const [text, setText] = useState("");
  const filter = <FilterField text={text} label="Filter metrics" help="Part of a name, or a glob" onChange={setText} />;
  return (
    <Panel id={panelId} about={<About run={run} selection={selection} />} controls={filter}>
      {run === null ? (
        <p className="empty">No run is selected.</p>
      ) : (
        <MetricsTable key={run.id} runId={run.id} text={text} />
      )}
    </Panel>
  );
}

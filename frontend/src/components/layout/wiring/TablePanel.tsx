import { useRun } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import { MetricsTable } from "../../metrics/MetricsTable";
import details from "../../runs/RunDetails.module.css";
import { Panel } from "../Panel";
import { About } from "./About";

/** The latest value of every metric of the selected run. */
export function TablePanel({ panelId }: { panelId: PanelId }) {
  const selection = useSelection();
  const run = useRun(selection.selected);
  return (
    <Panel id={panelId} about={<About run={run} selection={selection} />}>
      {run === null ? (
        <p className="empty">No run is selected.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        <section className={details.last} tabIndex={0} data-focus aria-label={`Latest values of ${run.name}`}>
          <MetricsTable runId={run.id} />
        </section>
      )}
    </Panel>
  );
}

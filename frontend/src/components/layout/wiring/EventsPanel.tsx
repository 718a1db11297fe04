import { useRuns } from "../../../hooks/useRuns";
import type { PanelId } from "../../../layout/tree";
import { EventLog } from "../../events/EventLog";
import { inPanel } from "../Panel";

export function EventsPanel({ panelId }: { panelId: PanelId }) {
  const { runs } = useRuns();
  return <EventLog runs={runs} frame={inPanel(panelId)} />;
}

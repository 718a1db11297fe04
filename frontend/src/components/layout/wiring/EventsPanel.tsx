import { useRunFacts } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import { useTurnTo } from "../../../hooks/useTurnTo";
import type { PanelId } from "../../../layout/tree";
import { EventLog } from "../../events/EventLog";
import { inPanel } from "../Panel";

export function EventsPanel({ panelId }: { panelId: PanelId }) {
  const runs = useRunFacts();
  const { selected } = useSelection();
  const turnTo = useTurnTo();
  return <EventLog runs={runs} selected={selected} onTurn={turnTo} frame={inPanel(panelId)} />;
}

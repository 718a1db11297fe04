import { useHostAt } from "../../../hooks/useHostAt";
import { useRun, useRunFacts } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import { useSystemStatus } from "../../../hooks/useSystemStatus";
import type { PanelId } from "../../../layout/tree";
import { useViewPart } from "../../../state/view";
import { AtStep } from "../../system/AtStep";
import { SystemStatus } from "../../system/SystemStatus";
import { inPanel } from "../Panel";

interface SystemPanelProps {
  panelId: PanelId;
  /** It stands beside no other panel. */
  alone?: boolean;
}

export function SystemPanel({ panelId, alone = false }: SystemPanelProps) {
  const system = useSystemStatus();
  const runs = useRunFacts();
  const { select, selected } = useSelection();
  const run = useRun(selected);
  const at = useHostAt(run, useViewPart("at"));
  const moment = at && run?.host && <AtStep host={run.host} moment={at} />;
  return <SystemStatus {...system} runs={runs} onSelect={select} moment={moment} frame={inPanel(panelId, alone)} />;
}

import { useConnection } from "../../../hooks/useConnection";
import { useRunActions } from "../../../hooks/useRunActions";
import { useRuns } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import { RunList } from "../../runs/RunList";
import { inPanel } from "../Panel";

export function RunsPanel({ panelId }: { panelId: PanelId }) {
  const { runs, counts, loading, error } = useRuns();
  const selection = useSelection();
  const actions = useRunActions();
  const { ageOf } = useConnection();
  return (
    <RunList
      runs={runs}
      counts={counts}
      loading={loading}
      error={error}
      selection={selection}
      actions={actions}
      ageOf={ageOf}
      frame={inPanel(panelId)}
    />
  );
}

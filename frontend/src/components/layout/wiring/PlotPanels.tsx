import { useMetricNames } from "../../../hooks/useLiveValue";
import { useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import { lossTabs, rateTabs } from "../../../lib/pick";
import { MetricsHistory } from "../../metrics/MetricsHistory";
import { Panel } from "../Panel";

export function LossPanel({ panelId }: { panelId: PanelId }) {
  const { selected, compared } = useSelection();
  const names = useMetricNames(selected);
  return (
    <MetricsHistory
      panelId={panelId}
      runs={compared}
      tabs={lossTabs(names)}
      empty='No loss yet: log_metrics({"loss": …}) draws it here.'
      frame={(controls, body) => (
        <Panel id={panelId} about={controls}>
          {body}
        </Panel>
      )}
    />
  );
}

export function RatePanel({ panelId }: { panelId: PanelId }) {
  const { selected, compared } = useSelection();
  const names = useMetricNames(selected);
  return (
    <MetricsHistory
      panelId={panelId}
      runs={compared}
      tabs={rateTabs(names)}
      empty='No learning rate yet: log_metrics({"lr": …}) draws it here.'
      frame={(controls, body) => (
        <Panel id={panelId} about={controls}>
          {body}
        </Panel>
      )}
    />
  );
}

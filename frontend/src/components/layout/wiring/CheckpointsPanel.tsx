import { useCheckpoints } from "../../../hooks/useCheckpoints";
import { useRunActions } from "../../../hooks/useRunActions";
import { useRun } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import { bytes, value } from "../../../lib/format";
import type { Checkpoint } from "../../../services/types";
import { useViewPart } from "../../../state/view";
import { CheckpointList } from "../../checkpoints/CheckpointList";
import { metricColumns, metricOf, nameOf } from "../../checkpoints/columns";
import { MetricColumns } from "../../checkpoints/MetricColumns";
import { chooseMetrics } from "../../metrics/chosen";
import { Icon } from "../../ui/Icon";
import styles from "../Dashboard.module.css";
import { Panel } from "../Panel";
import { About } from "./About";

const NONE: readonly string[] = [];

export function CheckpointsPanel({ panelId }: { panelId: PanelId }) {
  const selection = useSelection();
  const run = useRun(selection.selected);
  const id = run?.id ?? null;
  const checkpoints = useCheckpoints(id);
  const { markBest } = useRunActions();
  const chosen = useViewPart("metrics")[panelId] ?? NONE;
  const about = (
    <>
      <About run={run} selection={selection} />
      <Saved checkpoints={checkpoints} />
    </>
  );
  return (
    <Panel
      id={panelId}
      about={about}
      controls={
        <>
          <Best checkpoints={checkpoints} />
          <MetricColumns
            checkpoints={checkpoints}
            chosen={chosen}
            onChoose={(metrics) => chooseMetrics(panelId, metrics)}
          />
        </>
      }
    >
      <CheckpointList key={id} checkpoints={checkpoints} chosen={chosen} onMarkBest={markBest} />
    </Panel>
  );
}

function Saved({ checkpoints }: { checkpoints: readonly Checkpoint[] }) {
  if (checkpoints.length === 0) return null;
  const size = checkpoints.reduce((sum, checkpoint) => sum + (checkpoint.size ?? 0), 0);
  return (
    <span className={`dim ${styles.hint}`}>
      {checkpoints.length} saved{size > 0 && ` · ${bytes(size)}`}
    </span>
  );
}

function Best({ checkpoints }: { checkpoints: readonly Checkpoint[] }) {
  const best = checkpoints.find((checkpoint) => checkpoint.is_best);
  if (best === undefined) return null;
  const [metric] = metricColumns(checkpoints);
  return (
    <span className={`good ${styles.hint}`}>
      <span className="dim">best</span> <Icon name="star" /> {nameOf(best)} {value(metricOf(best, metric))}
    </span>
  );
}

import type { ReactNode } from "react";
import { useCheckpoints } from "../../hooks/useCheckpoints";
import { useCommands } from "../../hooks/useCommands";
import { useCompare } from "../../hooks/useCompare";
import { useMetricNames } from "../../hooks/useLiveValue";
import { useRunActions } from "../../hooks/useRunActions";
import type { Selection } from "../../hooks/useSelection";
import { bytes, value } from "../../lib/format";
import { lossTabs, rateTabs } from "../../lib/pick";
import type { Checkpoint, Run } from "../../services/types";
import { Actions } from "../actions/Actions";
import { CheckpointList } from "../checkpoints/CheckpointList";
import { metricColumns, metricOf, nameOf } from "../checkpoints/columns";
import { MetricsHistory } from "../metrics/MetricsHistory";
import { RunDetails } from "../runs/RunDetails";
import { Icon } from "../ui/Icon";
import { Swatch } from "../ui/Swatch";
import styles from "./Dashboard.module.css";
import { copyLink } from "./link";
import { Panel } from "./Panel";

interface SelectedProps {
  run: Run | null;
  runs: readonly Run[];
  selection: Selection;
}

/** Panels 4 and 5: the compared runs' metrics. */
export function Charts({ run, selection }: SelectedProps) {
  const names = useMetricNames(run?.id ?? null);
  return (
    <>
      <MetricsHistory
        runs={selection.compared}
        tabs={lossTabs(names)}
        empty='No loss yet: log_metrics({"loss": …}) draws it here.'
        frame={(controls, body) => (
          <Panel number={4} about={controls}>
            {body}
          </Panel>
        )}
      />
      <MetricsHistory
        runs={selection.compared}
        tabs={rateTabs(names)}
        empty='No learning rate yet: log_metrics({"lr": …}) draws it here.'
        frame={(controls, body) => (
          <Panel number={5} about={controls}>
            {body}
          </Panel>
        )}
      />
    </>
  );
}

/** Panel 6. */
export function Config({ run, runs, selection }: SelectedProps) {
  return (
    <RunDetails
      run={run}
      other={run === null ? null : otherThan(run, runs, selection)}
      frame={(controls, body) => (
        <Panel number={6} about={<About run={run} selection={selection} />} controls={controls}>
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

interface RunPanelsProps extends SelectedProps {
  paused: boolean;
  onPause(): void;
}

/** Panels 7 and 8. */
export function RunPanels({ run, runs, selection, paused, onPause }: RunPanelsProps) {
  const id = run?.id ?? null;
  const checkpoints = useCheckpoints(id);
  const { commands, send, error } = useCommands(id);
  const { markBest, deleteRun } = useRunActions();
  const compare = useCompare();
  const remove = async () => {
    if (id === null) return;
    await deleteRun(id);
    selection.select(null);
  };
  const about = <About run={run} selection={selection} />;
  return (
    <>
      <Panel
        number={7}
        about={
          <>
            {about}
            <Saved checkpoints={checkpoints} />
          </>
        }
        controls={<Best checkpoints={checkpoints} />}
      >
        <CheckpointList key={id} checkpoints={checkpoints} onMarkBest={markBest} />
      </Panel>
      <Panel number={8} about={about} controls={<span className={`dim ${styles.hint}`}>press a number</span>}>
        <Actions
          key={id}
          run={run}
          runs={runs}
          selection={selection}
          commands={commands}
          checkpoints={checkpoints.length}
          paused={paused}
          error={error}
          onStop={() => send("stop")}
          onDelete={remove}
          onCopyLink={copyLink}
          onPause={onPause}
          compare={compare}
        />
      </Panel>
    </>
  );
}

function About({ run, selection }: { run: Run | null; selection: Selection }): ReactNode {
  if (run === null) return null;
  return (
    <span className={styles.about}>
      <Swatch colour={selection.colourOf(run.id)} dash={selection.dashOf(run.id)} />
      <span className="clip" title={run.name}>
        {run.name}
      </span>
    </span>
  );
}

function Saved({ checkpoints }: { checkpoints: readonly Checkpoint[] }) {
  if (checkpoints.length === 0) return null;
  const size = checkpoints.reduce((sum, checkpoint) => sum + (checkpoint.size ?? 0), 0);
  return (
    <span className={`dim ${styles.hint}`}>
      {checkpoints.length} saved · {bytes(size)}
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

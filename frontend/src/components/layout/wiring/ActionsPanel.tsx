import { useCheckpoints } from "../../../hooks/useCheckpoints";
import { useCommands } from "../../../hooks/useCommands";
import { useCompare } from "../../../hooks/useCompare";
import { usePause } from "../../../hooks/usePause";
import { useRunActions } from "../../../hooks/useRunActions";
import { useRun, useRunFacts } from "../../../hooks/useRuns";
import { useSelection } from "../../../hooks/useSelection";
import type { PanelId } from "../../../layout/tree";
import { Actions } from "../../actions/Actions";
import styles from "../Dashboard.module.css";
import { copyLink } from "../link";
import { Panel } from "../Panel";
import { About } from "./About";

export function ActionsPanel({ panelId }: { panelId: PanelId }) {
  const runs = useRunFacts();
  const selection = useSelection();
  const run = useRun(selection.selected);
  const id = run?.id ?? null;
  const checkpoints = useCheckpoints(id);
  const { commands, send, error } = useCommands(id);
  const { deleteRun } = useRunActions();
  const compare = useCompare();
  const { paused, toggle } = usePause();
  const remove = async () => {
    if (id === null) return;
    await deleteRun(id);
    selection.select(null);
  };
  return (
    <Panel
      id={panelId}
      about={<About run={run} selection={selection} />}
      controls={<span className={`dim ${styles.hint} ${styles.byKey}`}>press a number</span>}
    >
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
        onCopyLink={() => copyLink(id)}
        onPause={toggle}
        compare={compare}
      />
    </Panel>
  );
}

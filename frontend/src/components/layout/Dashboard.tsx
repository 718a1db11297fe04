import { useEffect, useMemo, useRef } from "react";
import { useConnection } from "../../hooks/useConnection";
import { usePause } from "../../hooks/usePause";
import { useRun, useRuns } from "../../hooks/useRuns";
import { type Selection, useSelection } from "../../hooks/useSelection";
import { useSystemStatus } from "../../hooks/useSystemStatus";
import type { Run } from "../../services/types";
import { FirstRun } from "../empty/FirstRun";
import { TokenPage } from "../empty/TokenPage";
import { EventLog } from "../events/EventLog";
import { RunList } from "../runs/RunList";
import { SystemStatus } from "../system/SystemStatus";
import styles from "./Dashboard.module.css";
import { Header } from "./Header";
import { KeySheet } from "./KeySheet";
import { copyLink, enterWith } from "./link";
import { inPanel } from "./Panel";
import { PhoneNav } from "./PhoneNav";
import { Charts, Config, RunPanels } from "./SelectedPanels";
import { StatusBar } from "./StatusBar";
import { Tape } from "./Tape";
import { useKeys } from "./useKeys";
import { showPanel } from "./view";

/** The whole screen. */
export function Dashboard() {
  const connection = useConnection();
  const { runs, counts, loading, error } = useRuns();
  const system = useSystemStatus();
  const selection = useSelection();
  const run = useRun(selection.selected);
  const { paused, toggle } = usePause();
  useKeys(useMemo(() => ({ pause: toggle, copyLink: () => void copyLink() }), [toggle]));

  const first = !loading && error === null && runs.length === 0;
  useFirstRun(first, runs, selection);

  if (connection.state === "unauthorised") return <TokenPage onToken={enterWith} />;
  const late = connection.state === "stale" || connection.state === "offline";
  const selected = { run, runs, selection };
  const systemPanel = <SystemStatus {...system} runs={runs} onSelect={selection.select} frame={inPanel(2, first)} />;
  return (
    <div className={styles.screen} data-late={late || undefined}>
      {/* No link: the address names the selected run and stays as it is. */}
      <button type="button" className="skip" onClick={() => showPanel(1)}>
        Skip to the run list
      </button>
      <Header run={run} hosts={system.hosts} connection={connection} paused={paused} />
      <Tape runs={runs} onSelect={selection.select} />
      {first ? (
        <FirstRun state={connection.state}>{systemPanel}</FirstRun>
      ) : (
        <main id="main" className={styles.grid} tabIndex={-1}>
          <RunList
            runs={runs}
            counts={counts}
            loading={loading}
            error={error}
            selection={selection}
            ageOf={connection.ageOf}
            frame={inPanel(1)}
          />
          {systemPanel}
          <EventLog runs={runs} frame={inPanel(3)} />
          <Charts {...selected} />
          <Config {...selected} />
          <RunPanels {...selected} paused={paused} onPause={toggle} />
        </main>
      )}
      <StatusBar version={connection.serverVersion} panels={!first} paused={paused} onPause={toggle} />
      {!first && <PhoneNav />}
      <KeySheet />
    </div>
  );
}

/** Turn to the run that ends the empty page, so that the address names it. */
function useFirstRun(empty: boolean, runs: readonly Run[], { select }: Selection): void {
  const wasEmpty = useRef(false);
  const newest = runs[0]?.id;
  useEffect(() => {
    if (wasEmpty.current && newest !== undefined) select(newest);
    wasEmpty.current = empty;
  }, [empty, newest, select]);
}

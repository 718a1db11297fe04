import { lazy, Suspense, useEffect, useMemo, useRef } from "react";
import { useConnection } from "../../hooks/useConnection";
import { usePause } from "../../hooks/usePause";
import { useRun, useRuns } from "../../hooks/useRuns";
import { type Selection, useSelection } from "../../hooks/useSelection";
import { useSystemStatus } from "../../hooks/useSystemStatus";
import { useScreen } from "../../layout/screen";
import { showPanel } from "../../layout/store";
import type { Run } from "../../services/types";
import styles from "./Dashboard.module.css";
import { Header } from "./Header";
import { LayoutView } from "./LayoutView";
import { copyLink, enterWith } from "./link";
import { PhoneNav } from "./PhoneNav";
import { StatusBar } from "./StatusBar";
import { Tape } from "./Tape";
import { useKeys } from "./useKeys";

const LayoutSheet = lazy(() => import("./LayoutSheet"));
const SystemPanel = lazy(() => import("./wiring/SystemPanel").then((file) => ({ default: file.SystemPanel })));
const FirstRun = lazy(() => import("../empty/FirstRun").then((file) => ({ default: file.FirstRun })));
const TokenPage = lazy(() => import("../empty/TokenPage").then((file) => ({ default: file.TokenPage })));

/** The whole screen. */
export function Dashboard() {
  const connection = useConnection();
  const { runs, loading, error } = useRuns();
  const system = useSystemStatus();
  const selection = useSelection();
  const run = useRun(selection.selected);
  const { paused, toggle } = usePause();
  const { selected } = selection;
  useKeys(useMemo(() => ({ pause: toggle, copyLink: () => void copyLink(selected) }), [toggle, selected]));

  const first = !loading && error === null && runs.length === 0;
  useFirstRun(first, runs, selection);

  if (connection.state === "unauthorised") {
    return (
      <Suspense fallback={null}>
        <TokenPage onToken={enterWith} />
      </Suspense>
    );
  }
  const late = connection.state === "stale" || connection.state === "offline";
  return (
    <div className={styles.screen} data-late={late || undefined}>
      {/* No link: the address names the selected run and stays as it is. */}
      <button type="button" className="skip" onClick={() => showPanel("runs")}>
        Skip to the run list
      </button>
      <Header run={run} hosts={system.hosts} connection={connection} paused={paused} />
      <Tape runs={runs} onSelect={selection.select} />
      {first ? (
        <Suspense fallback={<main id="main" />}>
          <FirstRun state={connection.state}>
            <SystemPanel panelId="system" alone />
          </FirstRun>
        </Suspense>
      ) : (
        <LayoutView />
      )}
      <StatusBar version={connection.serverVersion} panels={!first} paused={paused} onPause={toggle} />
      {!first && <PhoneNav />}
      <Layouts />
    </div>
  );
}

function Layouts() {
  const shown = useScreen((screen) => screen.layouts);
  return shown ? (
    <Suspense fallback={null}>
      <LayoutSheet />
    </Suspense>
  ) : null;
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

import { CommandBar } from "../../command/CommandBar";
import type { ConnectionStatus } from "../../hooks/useConnection";
import { useNow } from "../../hooks/useNow";
import { useRuns } from "../../hooks/useRuns";
import { useSelection } from "../../hooks/useSelection";
import { useZone } from "../../hooks/useZone";
import { age, duration, percent, short, step as stepText } from "../../lib/format";
import { written, zoneName } from "../../lib/zone";
import type { HostStatus, Run } from "../../services/types";
import { elapsedSeconds, fraction, secondsLeft } from "../runs/progress";
import { RunStatus } from "../runs/RunStatus";
import { useRunLine } from "../runs/useRunLine";
import styles from "./Header.module.css";
import { Lamp } from "./Lamp";

interface HeaderProps {
  run: Run | null;
  hosts: readonly HostStatus[];
  connection: ConnectionStatus;
  paused: boolean;
}

/** What is selected, whether it is live, and what time it is. */
export function Header({ run, hosts, connection, paused }: HeaderProps) {
  const { runs, loading } = useRuns();
  const selection = useSelection();
  return (
    <header className={styles.header}>
      <h1 className={styles.brand}>
        STEP<span>WIRE</span>
      </h1>
      <CommandBar run={run} runs={runs} selection={selection} ready={!loading} />
      <div className={styles.run}>{run ? <SelectedRun run={run} /> : <NoRun />}</div>
      <Lamp connection={connection} paused={paused} />
      {run && <Age run={run} connection={connection} />}
      <div className={`${styles.item} ${styles.wide}`}>
        <span className="dim">PTS</span>
        <span className="value">{short(Math.round(connection.pointsPerSecond))}/s</span>
      </div>
      <div
        className={`${styles.item} ${styles.wide}`}
        title="Updates that the server left out for this page and that were read again"
      >
        <span className="dim">DROP</span>
        <span className={connection.dropped > 0 ? "warning" : "value"}>{connection.dropped}</span>
      </div>
      <Hosts hosts={hosts} />
      <Clock />
    </header>
  );
}

/** Nothing is selected, or the address names a run that is not here. */
function NoRun() {
  const { selected } = useSelection();
  const { loading } = useRuns();
  if (selected === null || loading) return <span className="dim">NO RUN SELECTED</span>;
  return (
    <span className="warning">
      There is no run {selected}; it was deleted, or its script never reached this server.
    </span>
  );
}

function SelectedRun({ run }: { run: Run }) {
  const now = useNow(1_000);
  const { step } = useRunLine(run);
  const done = fraction(step, run.total_steps);
  const left = secondsLeft(run, step, now);
  return (
    <>
      <span className="label">R{run.number}</span>
      <RunStatus status={run.status} />
      <span className={styles.figure}>
        <span className="dim">STEP</span> <span className="value">{stepText(step)}</span>
        {run.total_steps !== null && <span className="dim">/{short(run.total_steps)}</span>}
        {done !== null && <span className="value"> {percent(done * 100)}%</span>}
      </span>
      <span className={styles.figure}>
        <span className="dim">{run.status === "running" ? "ELAPSED" : "TOOK"}</span>{" "}
        <span className="value">{duration(elapsedSeconds(run, now))}</span>
      </span>
      {left !== null && (
        <span className={styles.figure}>
          <span className="dim">ETA</span> <span className="value">{duration(left)}</span>
        </span>
      )}
    </>
  );
}

/** Age of the newest point; only a run that goes on can be late. */
function Age({ run, connection }: { run: Run; connection: ConnectionStatus }) {
  useNow(1_000);
  if (run.status !== "running") return null;
  const milliseconds = connection.ageOf(run.id);
  const late = run.health !== "ok";
  return (
    <div className={`${styles.item} ${styles.wide}`} title="Since the newest point of the selected run was logged">
      <span className="dim">AGE</span>
      <span className={late ? "warning" : "value"}>{age(milliseconds)}</span>
    </div>
  );
}

function Hosts({ hosts }: { hosts: readonly HostStatus[] }) {
  const [first] = hosts;
  if (first === undefined) return null;
  return (
    <div className={`${styles.item} ${styles.wide}`}>
      <span className="dim">HOST</span>
      <span className={`value clip ${styles.host}`} title={hosts.map((host) => host.host).join(", ")}>
        {first.host}
        {hosts.length > 1 && ` +${hosts.length - 1}`}
      </span>
    </div>
  );
}

function Clock() {
  useZone();
  const milliseconds = useNow(1_000);
  const now = written(milliseconds) ?? "";
  return (
    <div className={styles.item}>
      <span className={`dim ${styles.date}`}>{now.slice(0, 10)}</span>
      <b className="value">{now.slice(11, 19)}</b>
      <span className="dim">{zoneName(milliseconds)}</span>
    </div>
  );
}

import type { ConnectionStatus } from "../../hooks/useConnection";
import { NOTHING } from "../../lib/format";
import styles from "./Header.module.css";

type State = ConnectionStatus["state"];

const TONES: Record<State, "good" | "warning" | "bad"> = {
  live: "good",
  reconnecting: "warning",
  stale: "warning",
  offline: "bad",
  unauthorised: "bad",
};

interface LampProps {
  connection: ConnectionStatus;
  paused: boolean;
}

/** Whether what is on screen is true right now, and how late it is. */
export function Lamp({ connection, paused }: LampProps) {
  const { state, lagP50, lagP95 } = connection;
  const tone = paused && state === "live" ? "warning" : TONES[state];
  return (
    <div className={styles.item} role="status" aria-live="polite">
      <i className={`${styles.lamp} ${styles[tone]}`} />
      <b className={tone}>{paused && state === "live" ? "PAUSED" : words(connection)}</b>
      {state === "live" && (
        <span
          className={styles.lag}
          title="From the log call to the drawn frame, over the last 60 seconds"
          aria-live="off"
        >
          <span className="dim">p50</span> <span className="value">{milliseconds(lagP50)}</span>{" "}
          <span className="dim">p95</span> <span className="value">{milliseconds(lagP95)}</span>
        </span>
      )}
    </div>
  );
}

function words({ state, retryInSeconds }: ConnectionStatus): string {
  if (state === "reconnecting" && retryInSeconds !== null) return `RECONNECTING ${retryInSeconds} s`;
  return state === "unauthorised" ? "NO ACCESS" : state.toUpperCase();
}

function milliseconds(lag: number | null): string {
  return lag === null ? NOTHING : `${Math.round(lag)} ms`;
}

import type { ReactNode } from "react";
import type { ConnectionStatus } from "../../hooks/useConnection";
import { CopyButton } from "../ui/CopyButton";
import styles from "./FirstRun.module.css";
import { serverUrl, snippet } from "./snippet";

interface FirstRunProps {
  state: ConnectionStatus["state"];
  url?: string;
  children?: ReactNode;
}

/** The screen of a server that knows no run yet: what to paste, and a lamp that waits. */
export function FirstRun({ state, url = serverUrl(), children }: FirstRunProps) {
  const code = snippet(url);
  return (
    <main id="main" className={styles.screen} tabIndex={-1}>
      <section className={styles.steps} aria-labelledby="first-run">
        <h2 id="first-run">NO RUN YET. THE FIRST ONE TAKES TWO STEPS.</h2>
        <p>
          <b className="label">1)</b> Install it where you train: <code className="value">pip install stepwire</code>
        </p>
        <Code title="Put this in an empty file and run it with Python" text={code} />
        <p className={styles.waiting} role="status">
          <i className={state === "live" ? styles.on : styles.off} />
          {state === "live"
            ? "waiting for the first point…"
            : "the server does not answer; this page tries again by itself"}
        </p>
        <p className="dim">
          The page changes by itself with the first <code>log_metrics</code>. In your own script it takes the{" "}
          <code>with</code> line and one <code>monitor.log_metrics</code>. To look around first:{" "}
          <code className="value">stepwire demo</code> trains four small networks, shown on a page of their own.
        </p>
      </section>
      {children}
    </main>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  return (
    <div className={styles.step}>
      <div className={styles.head}>
        <b className="label">2)</b> <span>{title}</span>
        <CopyButton text={text} label="Copy the lines">
          COPY
        </CopyButton>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: text that scrolls sideways has to be reachable by keyboard */}
      <pre className={styles.code} tabIndex={0}>
        <code>{text}</code>
      </pre>
    </div>
  );
}

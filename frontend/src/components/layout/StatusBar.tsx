import { PANELS, type PanelNumber } from "./panels";
import styles from "./StatusBar.module.css";
import { showPanel, useView } from "./view";

interface StatusBarProps {
  version: string | null;
  /** There are panels to go to. */
  panels: boolean;
  paused: boolean;
  onPause(): void;
}

/** The keys, which are buttons too. */
export function StatusBar({ version, panels, paused, onPause }: StatusBarProps) {
  const maximised = useView((view) => view.maximised);
  const { maximise, showHelp } = useView.getState();
  return (
    <footer className={styles.bar}>
      {panels && <PanelKeys paused={paused} onPause={onPause} />}
      <Key name="?" does="KEYS" press={() => showHelp(true)} />
      {maximised !== null && <Key name="ESC" does="BACK" press={() => maximise(null)} />}
      <span className={styles.right}>
        LAYOUT <span className="value">{maximised === null ? "3X3" : nameOf(maximised)}</span>
        {version !== null && (
          <>
            {" "}
            STEPWIRE <span className="value">{version}</span>
          </>
        )}
      </span>
    </footer>
  );
}

function PanelKeys({ paused, onPause }: { paused: boolean; onPause(): void }) {
  const { maximised, active, maximise } = useView();
  return (
    <>
      <Key name="F2" does="RUNS" press={() => showPanel(1)} />
      <Key name="F4" does="CHARTS" press={() => showPanel(4)} />
      <Key name="F8" does="CHECKPOINTS" press={() => showPanel(7)} />
      <Key name="F6" does="NEXT PANEL" press={() => showPanel(after(active))} />
      <span className={styles.key}>
        <b>G 1-8</b>PANEL
      </span>
      <Key
        name="M"
        does={maximised === null ? "MAXIMISE" : "RESTORE"}
        press={() => maximise(maximised === null ? active : null)}
      />
      <Key name="P" does={paused ? "RESUME" : "PAUSE"} press={onPause} />
    </>
  );
}

function Key({ name, does, press }: { name: string; does: string; press(): void }) {
  return (
    <button type="button" className={styles.key} onClick={press}>
      <b>{name}</b>
      {does}
    </button>
  );
}

function after(panel: PanelNumber): PanelNumber {
  return PANELS[panel % PANELS.length]?.number ?? 1;
}

function nameOf(panel: PanelNumber): string {
  return PANELS[panel - 1]?.name ?? "";
}

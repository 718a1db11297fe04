import { titleOf } from "../../layout/panels";
import { useScreen } from "../../layout/screen";
import { maximise, panelsHere, showPanel, useLayout } from "../../layout/store";
import { panelsIn } from "../../layout/tree";
import { useViewPart } from "../../state/view";
import styles from "./StatusBar.module.css";

interface StatusBarProps {
  version: string | null;
  /** There are panels to go to. */
  panels: boolean;
  paused: boolean;
  onPause(): void;
}

/** The keys, which are buttons too. */
export function StatusBar({ version, panels, paused, onPause }: StatusBarProps) {
  const maximised = useViewPart("maximised");
  const { showHelp } = useScreen.getState();
  return (
    <footer className={styles.bar}>
      {panels && <PanelKeys paused={paused} onPause={onPause} />}
      <Key name="?" does="KEYS" press={() => showHelp(true)} />
      {maximised !== null && <Key name="ESC" does="BACK" press={() => maximise(null)} />}
      <span className={styles.right}>
        {panels && <LayoutName />}
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

/** Which layout is shown, and whether it is still as it was saved. */
function LayoutName() {
  const maximised = useViewPart("maximised");
  const base = useLayout((layout) => layout.base);
  const changed = useLayout((layout) => layout.changed);
  const notice = useLayout((layout) => layout.notice);
  const name = maximised === null ? (base ?? "3X3") : titleOf(maximised);
  return (
    <>
      {notice !== null && (
        <span role="alert" className="warning">
          {notice}{" "}
        </span>
      )}
      LAYOUT{" "}
      <span className="value" title={changed ? "Changed and not saved" : undefined}>
        {name}
        {changed && maximised === null && "*"}
      </span>
    </>
  );
}

function PanelKeys({ paused, onPause }: { paused: boolean; onPause(): void }) {
  const maximised = useViewPart("maximised");
  const active = useScreen((screen) => screen.active);
  const count = useLayout(({ tree }) => Math.min(9, panelsIn(tree).length));
  return (
    <>
      <Key name="F2" does="RUNS" press={() => showPanel("runs")} />
      <Key name="F4" does="CHARTS" press={() => showPanel("loss")} />
      <Key name="F8" does="CHECKPOINTS" press={() => showPanel("checkpoints")} />
      <Key name="F6" does="NEXT PANEL" press={() => showPanel(after(active))} />
      <span className={styles.key}>
        <b>G 1-{count}</b>PANEL
      </span>
      <Key
        name="M"
        does={maximised === null ? "MAXIMISE" : "RESTORE"}
        press={() => maximise(maximised === null ? active : null)}
      />
      <Key name="L" does="LAYOUTS" press={() => useScreen.getState().showLayouts(true)} />
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

function after(panel: string): string {
  const known = panelsHere();
  return known[(known.indexOf(panel) + 1) % known.length] ?? panel;
}

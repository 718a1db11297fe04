import styles from "./PhoneNav.module.css";
import type { PanelNumber } from "./panels";
import { showPanel, useView } from "./view";

const PLACES: readonly [string, PanelNumber][] = [
  ["CHARTS", 4],
  ["RUNS", 1],
  ["CKPT", 7],
  ["SYSTEM", 2],
  ["LOG", 3],
  ["ACTIONS", 8],
];

/** At the thumb on a phone: the panels, which stand one below the other there. */
export function PhoneNav() {
  const active = useView((view) => view.active);
  return (
    <nav className={styles.nav} aria-label="Panels">
      {PLACES.map(([name, panel]) => (
        <button
          key={name}
          type="button"
          aria-current={active === panel ? "true" : undefined}
          onClick={() => showPanel(panel)}
        >
          {name}
        </button>
      ))}
    </nav>
  );
}

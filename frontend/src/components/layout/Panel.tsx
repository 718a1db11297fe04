import type { ReactNode } from "react";
import { Icon } from "../ui/Icon";
import styles from "./Panel.module.css";
import { PanelBoundary } from "./PanelBoundary";
import { PANELS, type PanelNumber, panelId } from "./panels";
import { useView } from "./view";

interface PanelProps {
  number: PanelNumber;
  /** Beside the title: what the panel is about. */
  about?: ReactNode;
  /** At the right of the heading. */
  controls?: ReactNode;
  /** There are no other panels, so that it can't be maximised. */
  alone?: boolean;
  children: ReactNode;
}

/** Frame, numbered heading and maximise button of a panel; a failure inside stays inside. */
export function Panel({ number, about, controls, alone = false, children }: PanelProps) {
  const active = useView((view) => view.active === number);
  const maximised = useView((view) => view.maximised);
  const { activate, maximise } = useView.getState();
  const { name, area } = panelOf(number);
  const filling = maximised === number;
  return (
    <section
      id={panelId(number)}
      data-panel={number}
      data-area={area}
      className={`${styles.panel} ${active ? styles.active : ""}`}
      aria-labelledby={`${panelId(number)}-title`}
      tabIndex={-1}
      hidden={maximised !== null && !filling}
      onFocus={() => activate(number)}
      onPointerDown={() => activate(number)}
    >
      <div className={styles.head}>
        <span className={styles.key} aria-hidden="true">
          {number}
        </span>
        <h2 id={`${panelId(number)}-title`}>{name}</h2>
        {about}
        <div className={styles.controls}>{controls}</div>
        {!alone && (
          <button
            type="button"
            className={styles.maximise}
            aria-label={filling ? `Restore ${name}` : `Maximise ${name}`}
            aria-pressed={filling}
            onClick={() => maximise(filling ? null : number)}
          >
            <Icon name={filling ? "restore" : "maximise"} />
          </button>
        )}
      </div>
      <div className={styles.body}>
        <PanelBoundary name={name}>{children}</PanelBoundary>
      </div>
    </section>
  );
}

/** For views that bring parts of their panel's heading with them. */
export function inPanel(number: PanelNumber, alone = false) {
  return (about: ReactNode, controls: ReactNode, body: ReactNode) => (
    <Panel number={number} about={about} controls={controls} alone={alone}>
      {body}
    </Panel>
  );
}

function panelOf(number: PanelNumber) {
  return PANELS[number - 1] ?? PANELS[0];
}

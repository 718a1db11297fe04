import type { ReactNode } from "react";
import { elementId } from "../../layout/focus";
import { titleOf } from "../../layout/panels";
import { useScreen } from "../../layout/screen";
import { maximise, popIn, useLayout } from "../../layout/store";
import { findStack, type PanelId, panelsIn } from "../../layout/tree";
import { useViewPart } from "../../state/view";
import { Icon } from "../ui/Icon";
import styles from "./Panel.module.css";
import { PanelBoundary } from "./PanelBoundary";
import { PanelMenu } from "./PanelMenu";
import { PHONE, useMedia } from "./useMedia";
import { usePanelDrag } from "./usePanelDrag";

interface PanelProps {
  id: PanelId;
  /** Instead of the title of its kind. */
  title?: string;
  /** Beside the title: what the panel is about. */
  about?: ReactNode;
  /** At the right of the heading. */
  controls?: ReactNode;
  /** There are no other panels, so that it can't be moved or maximised. */
  alone?: boolean;
  children: ReactNode;
}

/** Frame, numbered heading and window button of a panel; a failure inside stays inside. */
export function Panel({ id, title = titleOf(id), about, controls, alone = false, children }: PanelProps) {
  const active = useScreen((screen) => screen.active === id);
  const number = useLayout(({ tree }) => panelsIn(tree).indexOf(id) + 1);
  const tabbed = useLayout(({ tree }) => (findStack(tree, id)?.panels.length ?? 0) > 1);
  const phone = useMedia(PHONE);
  const { activate } = useScreen.getState();
  const drag = usePanelDrag(id);
  const element = elementId(id);
  return (
    <section
      id={element}
      data-panel={id}
      role={tabbed ? "tabpanel" : undefined}
      className={`${styles.panel} ${active ? styles.active : ""}`}
      aria-labelledby={`${element}-title`}
      tabIndex={-1}
      onFocus={() => activate(id)}
      onPointerDown={() => activate(id)}
    >
      <div className={`${styles.head} ${alone ? "" : styles.draggable}`} onPointerDown={alone ? undefined : drag}>
        <span className={styles.key}>
          {alone || phone ? (
            <span aria-hidden="true">{number}</span>
          ) : (
            <PanelMenu id={id} title={title} number={number} />
          )}
        </span>
        <h2 id={`${element}-title`} className={titleOf(id) === title ? undefined : styles.own}>
          {title}
        </h2>
        {about}
        <div className={styles.controls}>{controls}</div>
        {!alone && !phone && <WindowButton id={id} title={title} />}
      </div>
      <div className={styles.body}>
        <PanelBoundary name={title}>{children}</PanelBoundary>
      </div>
    </section>
  );
}

/** For views that bring parts of their panel's heading with them. */
export function inPanel(id: PanelId, alone = false) {
  return (about: ReactNode, controls: ReactNode, body: ReactNode) => (
    <Panel id={id} about={about} controls={controls} alone={alone}>
      {body}
    </Panel>
  );
}

/** Fills the screen with the panel, or brings it back from there or from its own window. */
function WindowButton({ id, title }: { id: PanelId; title: string }) {
  const maximised = useViewPart("maximised");
  const popped = useLayout((layout) => layout.popped.includes(id));
  const filling = maximised === id;
  if (popped) {
    return (
      <button type="button" className={styles.button} aria-label={`Bring ${title} back`} onClick={() => popIn(id)}>
        <Icon name="restore" />
      </button>
    );
  }
  return (
    <button
      type="button"
      className={styles.button}
      aria-label={filling ? `Restore ${title}` : `Maximise ${title}`}
      aria-pressed={filling}
      onClick={() => maximise(filling ? null : id)}
    >
      <Icon name={filling ? "restore" : "maximise"} />
    </button>
  );
}

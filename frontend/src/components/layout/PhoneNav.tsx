import { useEffect, useRef } from "react";
import { shortTitleOf } from "../../layout/panels";
import { useScreen } from "../../layout/screen";
import { showPanel, useLayout } from "../../layout/store";
import { type PanelId, panelsIn } from "../../layout/tree";
import styles from "./PhoneNav.module.css";
import { runsFirst } from "./places";

/** At the thumb on a phone: the panels, which are swiped through there. */
export function PhoneNav() {
  const tree = useLayout((layout) => layout.tree);
  const active = useScreen((screen) => screen.active);
  return (
    <nav className={styles.nav} aria-label="Panels">
      {runsFirst(panelsIn(tree)).map((id) => (
        <Way key={id} id={id} current={id === active} />
      ))}
    </nav>
  );
}

function Way({ id, current }: { id: PanelId; current: boolean }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current) button.current?.scrollIntoView?.({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <button ref={button} type="button" aria-current={current ? "true" : undefined} onClick={() => showPanel(id)}>
      {shortTitleOf(id)}
    </button>
  );
}

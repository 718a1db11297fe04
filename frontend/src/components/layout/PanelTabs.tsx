import { type KeyboardEvent, useCallback } from "react";
import { elementId } from "../../layout/focus";
import { titleOf } from "../../layout/panels";
import { useScreen } from "../../layout/screen";
import { bringToFront } from "../../layout/store";
import type { PanelId, Stack } from "../../layout/tree";
import styles from "./Layout.module.css";
import { usePanelDrag } from "./usePanelDrag";

/** The panels of one place, above the one in front. */
export function PanelTabs({ stack }: { stack: Stack }) {
  const show = useCallback((id: PanelId) => {
    bringToFront(id);
    useScreen.getState().activate(id);
    // The tab to focus stands above the other panel, which is drawn next.
    requestAnimationFrame(() => document.getElementById(tabId(id))?.focus());
  }, []);
  const press = (event: KeyboardEvent) => {
    const at = stack.panels.indexOf(stack.active);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(stack.panels.at(next % stack.panels.length) as PanelId);
  };
  return (
    <div role="tablist" className={styles.tabs} aria-label="Panels at this place" onKeyDown={press}>
      {stack.panels.map((id) => (
        <Tab key={id} id={id} selected={id === stack.active} onShow={show} />
      ))}
    </div>
  );
}

interface TabProps {
  id: PanelId;
  selected: boolean;
  onShow(id: PanelId): void;
}

function Tab({ id, selected, onShow }: TabProps) {
  const drag = usePanelDrag(id);
  return (
    <button
      type="button"
      role="tab"
      id={selected ? tabId(id) : undefined}
      aria-selected={selected}
      aria-controls={elementId(id)}
      tabIndex={selected ? 0 : -1}
      onClick={() => onShow(id)}
      onPointerDown={drag}
    >
      {titleOf(id)}
    </button>
  );
}

function tabId(id: PanelId): string {
  return `tab-${id}`;
}

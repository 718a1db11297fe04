import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { closePanel, movePanel, openPanels, popIn, popOut, useLayout } from "../../layout/store";
import { type PanelId, panelsIn, type Side } from "../../layout/tree";
import styles from "./Panel.module.css";

const MOVES: readonly [string, Side][] = [
  ["Move left", "left"],
  ["Move right", "right"],
  ["Move up", "top"],
  ["Move down", "bottom"],
  ["Join as a tab", "tab"],
];

interface PanelItemsProps {
  id: PanelId;
  menu: string;
  title: string;
  anchor: HTMLElement;
  onClose(): void;
}

/** What can be done with a panel's place, as a menu below its number. */
export function PanelItems({ id, menu, title, anchor, onClose }: PanelItemsProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const list = usePopover(anchor, onClose);
  const popped = useLayout((layout) => layout.popped.includes(id));
  const last = useLayout(({ tree }) => panelsIn(tree).length === 1);
  const act = (what: () => void) => {
    try {
      what();
    } catch (error) {
      setProblem(String(error instanceof Error ? error.message : error));
      return;
    }
    onClose();
    // A panel that is closed gives the focus to the next one.
    if (openPanels().includes(id)) anchor.focus();
  };
  return (
    <div
      ref={list}
      id={menu}
      role="menu"
      aria-label={title}
      className={styles.menu}
      popover="auto"
      onKeyDown={moveFocus}
      onPointerDown={(event) => event.stopPropagation()}
    >
      {MOVES.map(([name, side]) => (
        <Item key={side} name={name} disabled={last} onChoose={() => act(() => movePanel(id, side))} />
      ))}
      {popped ? (
        <Item name="Bring back" onChoose={() => act(() => popIn(id))} />
      ) : (
        <Item name="Pop out" onChoose={() => act(() => popOut(id))} />
      )}
      <Item name="Close" disabled={last} onChoose={() => act(() => closePanel(id))} />
      {problem !== null && (
        <p role="alert" className="bad">
          {problem}
        </p>
      )}
    </div>
  );
}

function Item({ name, disabled = false, onChoose }: { name: string; disabled?: boolean; onChoose(): void }) {
  return (
    <button type="button" role="menuitem" tabIndex={-1} disabled={disabled} onClick={onChoose}>
      {name}
    </button>
  );
}

/** Show the menu above everything, below its button; the browser closes it on Esc and on a click elsewhere. */
function usePopover(anchor: HTMLElement, onClose: () => void) {
  const list = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const menu = list.current;
    if (menu === null) return;
    const toggled = (event: Event) => {
      if ("newState" in event && event.newState === "closed") close.current();
    };
    menu.addEventListener("toggle", toggled);
    menu.showPopover?.();
    const { left, bottom, top } = anchor.getBoundingClientRect();
    const room = (menu.ownerDocument.defaultView?.innerHeight ?? 0) - bottom;
    menu.style.left = `${left}px`;
    menu.style.top = `${room > menu.offsetHeight ? bottom : Math.max(4, top - menu.offsetHeight)}px`;
    menu.querySelector<HTMLElement>("button:enabled")?.focus();
    return () => menu.removeEventListener("toggle", toggled);
  }, [anchor]);
  return list;
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("button:enabled")];
  const at = items.indexOf(event.currentTarget.ownerDocument.activeElement as HTMLElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  items.at(next % items.length)?.focus();
}

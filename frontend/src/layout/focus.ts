import { hostOf } from "./hosts";
import { typeOf } from "./panels";
import type { PanelId } from "./tree";

/** The id of a panel's element. */
export function elementId(id: PanelId): string {
  return `panel-${id}`;
}

/** Bring a panel into view and give it the focus, at the place in it that was last in use. */
export function focusPanel(id: PanelId): void {
  const panel = elementOf(id);
  if (panel === null) return;
  const target = panel.querySelector<HTMLElement>("[data-focus]") ?? panel;
  panel.scrollIntoView({ block: "nearest", inline: "nearest" });
  target.focus({ preventScroll: true });
}

/** A panel's element, in whichever window it is. */
export function elementOf(id: PanelId): HTMLElement | null {
  return document.getElementById(elementId(id)) ?? hostOf(id).querySelector<HTMLElement>("[data-panel]");
}

/** The panel that holds an element. */
export function panelAt(element: Element | null): PanelId | null {
  const id = element?.closest("[data-panel]")?.getAttribute("data-panel") ?? null;
  return id === null || typeOf(id) === null ? null : id;
}

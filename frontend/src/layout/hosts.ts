import type { PanelId } from "./tree";

/**
 * Elements that panels are drawn into, one for each panel as long as it is open. Whoever lays the panels out moves
 * these and never makes them anew, so that what a panel shows goes on: a chart stays drawn, a list stays scrolled.
 */
const hosts = new Map<PanelId, HTMLElement>();

export function hostOf(id: PanelId): HTMLElement {
  const known = hosts.get(id);
  if (known !== undefined) return known;
  const made = document.createElement("div");
  made.dataset.host = id;
  hosts.set(id, made);
  return made;
}

/** Take away the elements of panels that are closed. */
export function keepHosts(ids: readonly PanelId[]): void {
  for (const [id, host] of hosts) {
    if (ids.includes(id)) continue;
    host.remove();
    hosts.delete(id);
  }
}

/** Put elements into a box in this order, which is that of the tab key; those in order already stay untouched. */
export function arrange(box: HTMLElement, wanted: readonly HTMLElement[]): void {
  const focused = document.activeElement;
  let next: Element | null = null;
  for (const element of wanted.toReversed()) {
    if (element.parentElement !== box || element.nextElementSibling !== next) place(box, element, next);
    next = element;
  }
  if (focused instanceof HTMLElement && focused !== document.activeElement && box.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/** Where the browser can, an element moves with its focus and its scrolled places. */
function place(box: HTMLElement, element: HTMLElement, before: Element | null): void {
  const canMove = "moveBefore" in box && element.isConnected && element.ownerDocument === box.ownerDocument;
  if (canMove) box.moveBefore(element, before);
  else box.insertBefore(element, before);
}

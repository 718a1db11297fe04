import { hostOf } from "./hosts";
import { titleOf } from "./panels";
import type { PanelId } from "./tree";

/** Narrower it would be laid out as on a phone. */
const LEAST_WIDTH = 800;
const LEAST_HEIGHT = 400;
const windows = new Map<PanelId, Window>();

/** Open a window with a panel in it, which stays the same live panel; `onClose` when somebody closes it. */
export function openWindow(id: PanelId, onClose: () => void): void {
  const host = hostOf(id);
  const { width, height } = host.getBoundingClientRect();
  const size = `width=${Math.max(LEAST_WIDTH, Math.round(width))},height=${Math.max(LEAST_HEIGHT, Math.round(height))}`;
  const opened = window.open("", `stepwire-${id}`, `popup,${size}`);
  if (opened === null) throw new Error("The browser did not open a window: allow pop-ups for this page.");
  windows.set(id, opened);
  furnish(opened, titleOf(id), host);
  opened.addEventListener("pagehide", () => {
    if (windows.get(id) !== opened) return;
    windows.delete(id);
    onClose();
  });
}

/** Close a panel's window; its panel goes back by whoever lays panels out. */
export function closeWindow(id: PanelId): void {
  const opened = windows.get(id);
  windows.delete(id);
  opened?.close();
}

export function windowOf(id: PanelId): Window | null {
  return windows.get(id) ?? null;
}

// A window of panels can't live on without the page that feeds them.
window.addEventListener("pagehide", () => {
  for (const id of [...windows.keys()]) closeWindow(id);
});

function furnish(opened: Window, title: string, host: HTMLElement): void {
  const { document: page } = opened;
  // An empty window has no doctype, and lays out by rules of the last century.
  page.open();
  page.write("<!doctype html><title></title><body></body>");
  page.close();
  page.documentElement.lang = document.documentElement.lang;
  page.head.replaceChildren(...styles(page));
  page.title = `${title} · STEPWIRE`;
  page.body.replaceChildren(host);
  page.body.dataset.window = "";
}

/** This page's style sheets, by their full addresses: the new window has none of its own. */
function styles(page: Document): Element[] {
  const own = document.querySelectorAll<HTMLElement>("style, link[rel='stylesheet']");
  return [...own].map((each) => {
    const copy = page.importNode(each, true);
    if (each instanceof HTMLLinkElement) copy.setAttribute("href", each.href);
    return copy;
  });
}

import { applyPreferences, usePreferences } from "../state/preferences";
import { hostOf } from "./hosts";
import { titleOf } from "./panels";
import type { PanelId } from "./tree";
import { passOn } from "./windowKeys";

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
  opened.addEventListener("keydown", passOn);
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

usePreferences.subscribe(() => {
  for (const { document: page } of windows.values()) applyPreferences(page.documentElement);
});

function furnish(opened: Window, title: string, host: HTMLElement): void {
  const { document: page } = opened;
  // An empty window has no doctype, and lays out by rules of the last century.
  page.open();
  page.write("<!doctype html><title></title><body></body>");
  page.close();
  page.documentElement.lang = document.documentElement.lang;
  applyPreferences(page.documentElement);
  page.head.replaceChildren(...styles(page));
  page.title = `${title} · STEPWIRE`;
  page.body.replaceChildren(host);
  page.body.dataset.window = "";
}

const SHEETS = "style, link[rel='stylesheet']";

/** This page's style sheets, by their full addresses: the new window has none of its own. */
function styles(page: Document): Element[] {
  return [...document.querySelectorAll(SHEETS)].map((sheet) => copied(sheet, page));
}

function copied(sheet: Element, page: Document): Element {
  const copy = page.importNode(sheet, true);
  if (sheet instanceof HTMLLinkElement) copy.setAttribute("href", sheet.href);
  return copy;
}

// Parts that are loaded later bring their sheets with them.
new MutationObserver((changes) => {
  const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
  const sheets = added.filter((node): node is Element => node instanceof Element && node.matches(SHEETS));
  for (const { document: page } of windows.values()) page.head.append(...sheets.map((sheet) => copied(sheet, page)));
}).observe(document.head, { childList: true });

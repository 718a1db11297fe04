import { useMemo, useSyncExternalStore } from "react";
import { formatAddress, parseAddress, type View } from "./address";

const listeners = new Set<() => void>();
let fragment = "";
let current: View | null = null;

/** The view that the address names now. */
export function readView(): View {
  const now = window.location.hash;
  if (current === null || now !== fragment) {
    fragment = now;
    current = parseAddress(now);
  }
  return current;
}

/**
 * Change a part of the view, and the address with it. Another run is a new entry of the browser's history, as a page
 * turned to is; all else replaces the entry.
 */
export function changeView(change: Partial<View>): void {
  const before = readView();
  const after = { ...before, ...change };
  const address = formatAddress(after);
  if (address === formatAddress(before)) return;
  const { history } = window;
  if (after.run === before.run) history.replaceState(history.state, "", address);
  else history.pushState(history.state, "", address);
  for (const listener of listeners) listener();
}

/** The whole address of this view, with the run that is selected: another page might choose another one. */
export function sharedAddress(selected: string | null): string {
  const view = readView();
  return new URL(formatAddress({ ...view, run: view.run ?? selected }), window.location.href).href;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("hashchange", listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("hashchange", listener);
    window.removeEventListener("popstate", listener);
  };
}

/** The view, kept true to the address. */
export function useView(): View {
  return useSyncExternalStore(subscribe, readView);
}

/** One part of the view; the component is drawn again only when this part changes. */
export function useViewPart<Part extends keyof View>(part: Part): View[Part] {
  const text = useSyncExternalStore(subscribe, () => JSON.stringify(readView()[part]));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text tells whether the part, which may be a new object, changed
  return useMemo(() => readView()[part], [text, part]);
}

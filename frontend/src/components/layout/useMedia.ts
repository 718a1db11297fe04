import { useCallback, useSyncExternalStore } from "react";

/** One panel on the screen at a time. */
export const PHONE = "(max-width: 760px)";
/** Half-wide or enlarged windows: at most two panels beside one another, and the screen scrolls. */
export const FOLDED = "(max-width: 1180px)";

export function matches(query: string): boolean {
  return window.matchMedia?.(query).matches ?? false;
}

/** Whether the window is as a media query says. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    useCallback(
      (listener) => {
        const found = window.matchMedia?.(query);
        found?.addEventListener("change", listener);
        return () => found?.removeEventListener("change", listener);
      },
      [query],
    ),
    () => matches(query),
  );
}

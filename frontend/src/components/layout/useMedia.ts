import { useCallback, useMemo, useSyncExternalStore } from "react";

/** One panel on the screen at a time. */
export const PHONE = "(max-width: 760px)";
/** Half-wide or enlarged windows: at most two panels beside one another, and the screen scrolls. */
export const FOLDED = "(max-width: 1180px)";

export function matches(query: string): boolean {
  return window.matchMedia?.(query).matches ?? false;
}

/** Whether the window is as a media query says. */
export function useMedia(query: string): boolean {
  const media = useMemo(() => window.matchMedia?.(query), [query]);
  return useSyncExternalStore(
    useCallback(
      (listener) => {
        media?.addEventListener("change", listener);
        return () => media?.removeEventListener("change", listener);
      },
      [media],
    ),
    () => media?.matches ?? false,
  );
}

import { type KeyboardEvent, type RefObject, useEffect, useRef } from "react";

/** Keeps the newest line in view while it is followed. Returns what Home does: follow again, with the focus there. */
export function useNewest(scroll: RefObject<HTMLElement | null>, following: boolean, onFollow: () => void) {
  const wanted = useRef(false);
  useEffect(() => {
    if (following && scroll.current !== null && scroll.current.scrollTop > 0) scroll.current.scrollTop = 0;
  }, [following, scroll]);
  useEffect(() => {
    // Of a long list it is drawn only after the scrolling: it takes the focus then.
    const newest = scroll.current?.querySelector("[data-index='0']")?.firstElementChild;
    if (!wanted.current || !following || !(newest instanceof HTMLElement)) return;
    newest.focus({ preventScroll: true });
    wanted.current = false;
  });
  /** Returns whether the key was used. */
  return (event: KeyboardEvent<HTMLElement>): boolean => {
    if (event.key !== "Home" || following || event.ctrlKey || event.metaKey || event.altKey) return false;
    event.preventDefault();
    wanted.current = true;
    onFollow();
    return true;
  };
}

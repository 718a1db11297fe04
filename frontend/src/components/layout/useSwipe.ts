import { type RefObject, useEffect } from "react";
import { useScreen } from "../../layout/screen";

const STILL_MS = 90;

/** On a phone: the panel that was swiped to is the one in use. */
export function useSwipe(box: RefObject<HTMLElement | null>, phone: boolean): void {
  useEffect(() => {
    const element = box.current;
    if (!phone || element === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = () => {
      const host = element.children[Math.round(element.scrollLeft / element.clientWidth)];
      const id = host instanceof HTMLElement ? host.dataset.host : undefined;
      if (id !== undefined) useScreen.getState().activate(id);
    };
    const scrolled = () => {
      clearTimeout(timer);
      timer = setTimeout(settle, STILL_MS);
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      clearTimeout(timer);
      element.removeEventListener("scroll", scrolled);
    };
  }, [box, phone]);
}

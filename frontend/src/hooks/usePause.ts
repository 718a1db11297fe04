import { useCallback, useSyncExternalStore } from "react";
import { useLive } from "./LiveProvider";

export interface Pause {
  paused: boolean;
  toggle(): void;
}

/** Hold the live view still: points go on being kept, charts and values are drawn again after the pause. */
export function usePause(): Pause {
  const { feed } = useLive();
  const paused = useSyncExternalStore(
    useCallback((listener) => feed.onPause(listener), [feed]),
    () => feed.paused,
  );
  const toggle = useCallback(() => feed.pause(!feed.paused), [feed]);
  return { paused, toggle };
}

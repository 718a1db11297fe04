import type { Zone } from "../lib/zone";
import { usePreferences } from "../state/preferences";

/** The preferred time zone; who shows times is drawn again when it changes. */
export function useZone(): Zone {
  return usePreferences((preferences) => preferences.zone);
}

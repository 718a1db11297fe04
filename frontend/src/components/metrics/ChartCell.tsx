import { useEffect, useState } from "react";
import type { ChartWindow } from "../../state/address";
import { useViewPart } from "../../state/view";
import { MetricsChart } from "./MetricsChart";

/** A chart that is scrolled past within this time is not made. */
const REST_MS = 120;

interface ChartCellProps {
  runs: readonly string[];
  metric: string;
}

/** One chart among many, made once it stays in view. */
export function ChartCell({ runs, metric }: ChartCellProps) {
  const window: ChartWindow = useViewPart("window");
  const logScale = useViewPart("logScale") ?? "auto";
  const [made, setMade] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setMade(true), REST_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!made) return null;
  return <MetricsChart runs={runs} metric={metric} window={window} logScale={logScale} />;
}

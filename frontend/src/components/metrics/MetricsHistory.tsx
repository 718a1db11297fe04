import { type ReactNode, useState } from "react";
import { useMetricNames } from "../../hooks/useLiveValue";
import { useMeantNames } from "../../hooks/useNames";
import { useRun } from "../../hooks/useRuns";
import { isGlob } from "../../lib/patterns";
import type { Tab } from "../../lib/pick";
import { useViewPart } from "../../state/view";
import { ChartControls } from "./ChartControls";
import styles from "./ChartControls.module.css";
import { chooseMetrics } from "./chosen";
import { MetricsChart } from "./MetricsChart";
import { PickerButton } from "./PickerButton";

/** More charts than that in one panel are no charts any more; a grid shows them. */
const MOST_CHARTS = 12;

export interface MetricsHistoryProps {
  /** Whose choice of metrics in the address it shows. */
  panelId: string;
  runs: readonly string[];
  tabs: readonly Tab[];
  /** Said where there is no tab. */
  empty?: string;
  /**
   * Puts the controls (tabs, scale and window, for the panel's heading) and the charts where they belong; without it
   * they stand one below the other.
   */
  frame?: (controls: ReactNode, body: ReactNode) => ReactNode;
}

/** Charts of one tab's metrics, or of metrics that somebody chose. */
export function MetricsHistory({
  panelId,
  runs,
  tabs,
  empty = "Nothing logged yet.",
  frame = stacked,
}: MetricsHistoryProps) {
  const [drawnLog, setDrawnLog] = useState(false);
  const window = useViewPart("window");
  const logScale = useViewPart("logScale") ?? "auto";
  const { shown, current } = useTabs(panelId, runs[0] ?? null, tabs);
  const metrics = useMeantNames(runs[0] ?? null, current?.metrics ?? NONE, MOST_CHARTS).slice(0, MOST_CHARTS);
  const choose = (chosen: readonly string[]) => {
    chooseMetrics(panelId, chosen);
    setDrawnLog(false);
  };
  const controls = (
    <>
      <Tabs tabs={shown} current={current} onChoose={(tab) => choose(tab === tabs[0] ? NONE : tab.metrics)} />
      <PickerButton runId={runs[0] ?? null} chosen={current?.metrics ?? NONE} onChoose={choose} />
      <span className="sp" />
      <ChartControls drawnLog={drawnLog} />
    </>
  );
  const body = (
    <div className="metrics-history">
      {current === undefined && <p className="empty">{empty}</p>}
      {metrics.map((metric, at) => (
        <MetricsChart
          key={metric}
          runs={runs}
          metric={metric}
          window={window}
          logScale={logScale}
          onScale={at === 0 ? setDrawnLog : undefined}
          label={metrics.length > 1 ? metric : undefined}
        />
      ))}
    </div>
  );
  return <>{frame(controls, body)}</>;
}

const NONE: readonly string[] = [];

/** The tabs, with one more for a choice that is none of them. What the next run lacks gives way to its first tab. */
function useTabs(
  panelId: string,
  runId: string | null,
  tabs: readonly Tab[],
): { shown: readonly Tab[]; current?: Tab } {
  const chosen = useViewPart("metrics")[panelId] ?? NONE;
  const known = useMetricNames(runId);
  // Of many metrics the page knows a part only.
  const partly = useRun(runId)?.more ?? false;
  const there = chosen.filter((name) => partly || known.length === 0 || isGlob(name) || known.includes(name));
  const same = tabs.find((tab) => tab.metrics.join("\n") === there.join("\n"));
  const current = there.length === 0 ? tabs[0] : (same ?? { label: labelOf(there), metrics: [...there] });
  const shown = current === undefined || tabs.includes(current) ? tabs : [current, ...tabs];
  return { shown, ...(current === undefined ? {} : { current }) };
}

function labelOf(metrics: readonly string[]): string {
  const [first = "", ...rest] = metrics;
  return rest.length > 1 ? `${first} + ${rest.length}` : metrics.join(" + ");
}

function stacked(controls: ReactNode, body: ReactNode): ReactNode {
  return (
    <>
      <div className="metrics-controls">{controls}</div>
      {body}
    </>
  );
}

interface TabsProps {
  tabs: readonly Tab[];
  current: Tab | undefined;
  onChoose(tab: Tab): void;
}

function Tabs({ tabs, current, onChoose }: TabsProps) {
  return (
    <fieldset className={`tabs ${styles.tabs}`} aria-label="Metric">
      {tabs.map((tab) => (
        <button
          key={tab.label}
          type="button"
          title={tab.metrics.join(", ")}
          aria-pressed={tab.label === current?.label}
          onClick={() => onChoose(tab)}
        >
          {tab.label}
        </button>
      ))}
    </fieldset>
  );
}

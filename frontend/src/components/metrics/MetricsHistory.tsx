import { type ReactNode, useState } from "react";
import type { ChartWindow } from "../../charts/data";
import type { Tab } from "../../lib/pick";
import { MetricsChart } from "./MetricsChart";

export interface MetricsHistoryProps {
  runs: readonly string[];
  tabs: readonly Tab[];
  /** Said where there is no tab. */
  empty?: string;
  /**
   * Puts the controls (tab and window buttons, for the panel's heading) and the charts where they belong;
   * without it they stand one below the other.
   */
  frame?: (controls: ReactNode, body: ReactNode) => ReactNode;
}

const WINDOWS: readonly [ChartWindow, string][] = [
  [100, "100"],
  [1000, "1K"],
  ["all", "ALL"],
];

/** Charts of one tab's metrics, with a choice of tab, window and scale. */
export function MetricsHistory({ runs, tabs, empty = "Nothing logged yet.", frame = stacked }: MetricsHistoryProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [window, setWindow] = useState<ChartWindow>("all");
  const [logScale, setLogScale] = useState<boolean | "auto">("auto");
  const [drawnLog, setDrawnLog] = useState(false);
  const isLog = logScale === "auto" ? drawnLog : logScale;
  const tab = tabs.find((each) => each.label === chosen) ?? tabs[0];
  const controls = (
    <>
      <Tabs
        tabs={tabs}
        current={tab}
        onChoose={(label) => {
          setChosen(label);
          setDrawnLog(false);
        }}
      />
      <span className="sp" />
      <fieldset className="seg" aria-label="Scale and window">
        <button type="button" aria-pressed={isLog} onClick={() => setLogScale(!isLog)}>
          LOG Y
        </button>
        {WINDOWS.map(([points, label]) => (
          <button key={label} type="button" aria-pressed={window === points} onClick={() => setWindow(points)}>
            {label}
          </button>
        ))}
      </fieldset>
    </>
  );
  const several = (tab?.metrics.length ?? 0) > 1;
  const body = (
    <div className="metrics-history">
      {tab === undefined && <p className="empty">{empty}</p>}
      {tab?.metrics.map((metric, at) => (
        <MetricsChart
          key={metric}
          runs={runs}
          metric={metric}
          window={window}
          logScale={logScale}
          onScale={at === 0 ? setDrawnLog : undefined}
          label={several ? metric : undefined}
        />
      ))}
    </div>
  );
  return <>{frame(controls, body)}</>;
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
  onChoose(label: string): void;
}

function Tabs({ tabs, current, onChoose }: TabsProps) {
  return (
    <fieldset className="tabs" aria-label="Metric">
      {tabs.map((tab) => (
        <button
          key={tab.label}
          type="button"
          title={tab.metrics.join(", ")}
          aria-pressed={tab.label === current?.label}
          onClick={() => onChoose(tab.label)}
        >
          {tab.label}
        </button>
      ))}
    </fieldset>
  );
}

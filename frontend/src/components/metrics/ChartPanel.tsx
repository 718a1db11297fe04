import { useMemo, useState } from "react";
import { useMeantNames } from "../../hooks/useNames";
import { useSelection } from "../../hooks/useSelection";
import { useViewPart } from "../../state/view";
import { Panel } from "../layout/Panel";
import { ChartControls } from "./ChartControls";
import { chooseMetrics } from "./chosen";
import { MetricGrid } from "./MetricGrid";
import styles from "./MetricGrid.module.css";
import { MetricsChart } from "./MetricsChart";
import { PickerButton } from "./PickerButton";

/** So many charts share the panel's height; more of them scroll. */
const MOST_STACKED = 3;
const MOST_METRICS = 10_000;
const NONE: readonly string[] = [];

/** The metrics that somebody chose for this panel. */
export function ChartPanel({ panelId }: { panelId: string }) {
  const { selected, compared } = useSelection();
  const chosen = useViewPart("metrics")[panelId] ?? NONE;
  const metrics = useMeantNames(selected, chosen, MOST_METRICS);
  const [drawnLog, setDrawnLog] = useState(false);
  const choose = (names: readonly string[]) => chooseMetrics(panelId, names);
  const picker = (label?: string) => (
    <PickerButton runId={selected} chosen={chosen} onChoose={choose} {...(label === undefined ? {} : { label })} />
  );
  return (
    <Panel
      id={panelId}
      about={
        <>
          <span className="clip" title={chosen.join(", ")}>
            {chosen.join(" · ")}
          </span>
          {picker()}
        </>
      }
      controls={<ChartControls drawnLog={drawnLog} />}
    >
      {chosen.length === 0 ? (
        <div className="empty">{picker("CHOOSE METRICS")}</div>
      ) : metrics.length === 0 ? (
        <p className="empty">No metric of this run fits {chosen.join(", ")}.</p>
      ) : (
        <Charts runs={compared} metrics={metrics} onScale={setDrawnLog} />
      )}
    </Panel>
  );
}

interface ChartsProps {
  runs: readonly string[];
  metrics: readonly string[];
  onScale(logarithmic: boolean): void;
}

function Charts({ runs, metrics, onScale }: ChartsProps) {
  const window = useViewPart("window");
  const logScale = useViewPart("logScale") ?? "auto";
  const sections = useMemo(() => [{ name: "", metrics: [...metrics] }], [metrics]);
  const [open, setOpen] = useState(true);
  const isOpen = useMemo(() => () => open, [open]);
  if (metrics.length > MOST_STACKED) {
    return <MetricGrid runs={runs} sections={sections} isOpen={isOpen} onToggle={() => setOpen(!open)} />;
  }
  return (
    <div className={styles.stack}>
      {metrics.map((metric, at) => (
        <div key={metric}>
          <MetricsChart
            runs={runs}
            metric={metric}
            window={window}
            logScale={logScale}
            onScale={at === 0 ? onScale : undefined}
            label={metrics.length > 1 ? metric : undefined}
          />
        </div>
      ))}
    </div>
  );
}

import { useEffect, useMemo, useState } from "react";
import { useNames, useSettled } from "../../hooks/useNames";
import { useSelection } from "../../hooks/useSelection";
import { metricSections } from "../../lib/metricSections";
import { meant } from "../../lib/patterns";
import { useViewPart } from "../../state/view";
import { Panel } from "../layout/Panel";
import { Skeleton } from "../ui/Skeleton";
import { ChartControls } from "./ChartControls";
import { chooseMetrics } from "./chosen";
import { MetricGrid } from "./MetricGrid";
import styles from "./MetricGrid.module.css";
import { useOpenSections } from "./useOpenSections";

const MOST_NAMES = 1_000_000;
const TYPING_MS = 150;
const NONE: readonly string[] = [];

/** All metrics of the selected run, or those that were searched, in sections. */
export function GridPanel({ panelId }: { panelId: string }) {
  const { selected, compared } = useSelection();
  const { names, loading } = useNames(selected, "", MOST_NAMES);
  const chosen = useViewPart("metrics")[panelId] ?? NONE;
  const found = useMemo(() => meant(names, chosen), [names, chosen]);
  const sections = useMemo(() => metricSections(found), [found]);
  const { isOpen, toggle } = useOpenSections(panelId, sections, chosen.length > 0);
  const count = (number: number) => number.toLocaleString("en-US");
  return (
    <Panel
      id={panelId}
      about={
        <span className="value" role="status">
          {found.length === names.length ? count(names.length) : `${count(found.length)} of ${count(names.length)}`}
        </span>
      }
      controls={<ChartControls drawnLog={false} />}
    >
      <div className={styles.panel}>
        <div className={styles.bar}>
          <SearchField panelId={panelId} chosen={chosen} />
        </div>
        {loading ? (
          <Skeleton rows={8} label="metrics" />
        ) : found.length === 0 ? (
          <p className="empty">{names.length === 0 ? "Nothing logged yet." : "No metric fits."}</p>
        ) : (
          <MetricGrid runs={compared} sections={sections} isOpen={isOpen} onToggle={toggle} />
        )}
      </div>
    </Panel>
  );
}

/** What is typed is in the address: parts of names, globs, expressions between slashes, any of which may fit. */
function SearchField({ panelId, chosen }: { panelId: string; chosen: readonly string[] }) {
  const given = chosen.join(" ");
  const [text, setText] = useState(given);
  const settled = useSettled(text, TYPING_MS);
  const patterns = settled.split(/\s+/).filter((part) => part !== "");
  const typed = patterns.join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed changes the address
  useEffect(() => {
    if (typed !== given) chooseMetrics(panelId, patterns);
  }, [typed]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address changes what is typed
  useEffect(() => {
    if (given !== typed) setText(given);
  }, [given]);
  return (
    <label className={styles.search}>
      FIND
      <input
        type="text"
        aria-label="Search metrics"
        placeholder="loss   layer.*/grad_norm   /^val.*acc/"
        value={text}
        maxLength={500}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setText("");
        }}
      />
    </label>
  );
}

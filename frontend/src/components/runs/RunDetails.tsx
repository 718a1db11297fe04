import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { useNow } from "../../hooks/useNow";
import { useSurroundings, type Where } from "../../hooks/useSurroundings";
import { useZone } from "../../hooks/useZone";
import type { Run, Surroundings } from "../../services/types";
import { changeView, useViewPart } from "../../state/view";
import { FilterField } from "../ui/FilterField";
import { KeyValue, type Section } from "../ui/KeyValue";
import { Skeleton } from "../ui/Skeleton";
import { Against, type Others } from "./Against";
import { Diff } from "./Diff";
import styles from "./RunDetails.module.css";
import {
  changedOnly,
  configSections,
  countChanges,
  fitting,
  missingSection,
  runSection,
  SAID,
  saidSections,
  valuesSection,
} from "./sections";
import { briefSections, changedSurroundings, diffOf, surroundingSections } from "./surroundings";
import { Tags } from "./Tags";

const MetricsTable = lazy(() => import("../metrics/MetricsTable").then((file) => ({ default: file.MetricsTable })));

const TABS = ["DIFF", "FULL", "ENV", "LAST"] as const;
type Tab = (typeof TABS)[number];

const HELP = "Any part of a name or value";

interface RunDetailsProps {
  run: Run | null;
  /** The run is on its way. */
  loading: boolean;
  /** The run that this one is held against. */
  other: Run | null;
  /** Those that it could be held against. */
  others: Others;
  frame(controls: ReactNode, body: ReactNode): ReactNode;
}

/** Config, environment and latest values of a run, and what differs from another. */
export function RunDetails({ run, loading, other, others, frame }: RunDetailsProps) {
  const tab = tabOf(useViewPart("tab"), other);
  const [text, setText] = useState("");
  const config = run?.config;
  const sections = useMemo(
    () => (config === undefined ? [] : configSections(config, other?.config)),
    [config, other?.config],
  );
  if (run === null) return frame(null, loading ? <Skeleton rows={10} label="config" /> : NO_RUN);
  const tabs = TABS.filter((name) => name !== "DIFF" || other !== null);
  const controls = (
    <fieldset className={`tabs ${styles.what}`} aria-label="What to show">
      {tabs.map((name) => (
        <button key={name} type="button" aria-pressed={tab === name} onClick={() => changeView({ tab: name })}>
          {name}
        </button>
      ))}
    </fieldset>
  );
  return frame(
    controls,
    <div className={styles.whole}>
      <div className={styles.bar}>
        <FilterField text={text} label="Filter values" help={HELP} onChange={setText} />
        {other !== null && <Against count={changesOf(run, other, sections)} other={other} others={others} />}
      </div>
      <div className={styles.body}>
        {tab === "LAST" ? (
          <Suspense fallback={<Skeleton rows={10} label="metrics" />}>
            <MetricsTable key={run.id} runId={run.id} text={text} />
          </Suspense>
        ) : (
          <Values tab={tab} run={run} other={other} sections={sections} text={text} />
        )}
      </div>
    </div>,
  );
}

const NO_RUN = <p className="empty">No run selected.</p>;

function tabOf(chosen: string | null, other: Run | null): Tab {
  const tab = TABS.find((name) => name === chosen) ?? "FULL";
  return tab === "DIFF" && other === null ? "FULL" : tab;
}

function changesOf(run: Run, other: Run, sections: readonly Section[]): number {
  return countChanges([...sections, ...missingSection(run.config, other.config)]);
}

interface ValuesProps {
  tab: Exclude<Tab, "LAST">;
  run: Run;
  other: Run | null;
  sections: readonly Section[];
  /** What to look for. */
  text: string;
}

function Values({ tab, run, other, sections, text }: ValuesProps) {
  useZone();
  const now = useNow(1_000);
  const where = useSurroundings(run);
  const theirs = useSurroundings(tab === "DIFF" ? other : null);
  const { surroundings } = where;
  const shown = sectionsOfTab(tab, { run, other, sections, surroundings, theirs: theirs.surroundings, now });
  const found = fitting(shown, text);
  if (found.length === 0) {
    const same = surroundings !== null && theirs.surroundings !== null ? SAME : SAME_CONFIG;
    return <p className="empty">{text.trim() === "" ? same : "Nothing fits the filter."}</p>;
  }
  return (
    <KeyValue
      label={`${tab} of ${run.name}`}
      sections={found}
      show={(title, name) => (title === SAID ? <Said run={run} name={name} /> : null)}
      above={tab === "ENV" && <Untold where={where} />}
    >
      {tab === "ENV" && <Diff text={diffOf(surroundings)} />}
    </KeyValue>
  );
}

const SAME = "Config and environment are the same.";
const SAME_CONFIG = "The config is the same. Where they ran is not known of both.";

/** Tags each in a frame, of notes the first lines. */
function Said({ run, name }: { run: Run; name: string }) {
  if (name === "tags") return <Tags tags={run.tags} />;
  return <span className={styles.notes}>{run.notes.trim()}</span>;
}

/** Why there is nothing to show of where a run ran. */
function Untold({ where: { surroundings, loading, error } }: { where: Where }) {
  if (surroundings !== null || loading) return null;
  return <p className={`${styles.untold} ${error === null ? "dim" : "bad"}`}>{error ?? UNTOLD}</p>;
}

const UNTOLD = "Its command, code, packages and hardware are not known: the script that logged it did not tell them.";

interface Known {
  run: Run;
  other: Run | null;
  sections: readonly Section[];
  surroundings: Surroundings | null;
  /** Those of the other run. */
  theirs: Surroundings | null;
  now: number;
}

function sectionsOfTab(tab: ValuesProps["tab"], known: Known): Section[] {
  const { run, surroundings, now } = known;
  if (tab === "DIFF") return differences(known);
  const about = runSection(run, now);
  if (tab === "ENV") return [about, ...(surroundings ? surroundingSections(surroundings) : [])];
  return [
    ...saidSections(run),
    ...withoutChanges(known.sections),
    about,
    ...(surroundings ? briefSections(surroundings) : []),
  ];
}

function differences({ run, other, sections, surroundings, theirs }: Known): Section[] {
  if (other === null) return [];
  return [
    ...changedOnly(sections),
    ...missingSection(run.config, other.config),
    ...(surroundings !== null && theirs !== null ? changedSurroundings(surroundings, theirs) : []),
    ...valuesSection(run, other),
  ];
}

function withoutChanges(sections: readonly Section[]): Section[] {
  return sections.map(({ title, entries }) => ({
    title,
    entries: entries.map(({ name, value }) => ({ name, value })),
  }));
}

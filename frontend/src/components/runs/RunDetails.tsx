import { type ReactNode, useMemo, useState } from "react";
import { useEvents } from "../../hooks/useEvents";
import { useNow } from "../../hooks/useNow";
import type { Run } from "../../services/types";
import { MetricsTable } from "../metrics/MetricsTable";
import { KeyValue, type Section } from "../ui/KeyValue";
import styles from "./RunDetails.module.css";
import { changedOnly, configSections, countChanges, environmentSection, missingSection } from "./sections";

const TABS = ["DIFF", "FULL", "ENV", "LAST"] as const;
type Tab = (typeof TABS)[number];

interface RunDetailsProps {
  run: Run | null;
  /** The run whose config this one is held against. */
  other: Run | null;
  frame(controls: ReactNode, body: ReactNode): ReactNode;
}

/** Config, environment and latest values of a run, and what differs from another. */
export function RunDetails({ run, other, frame }: RunDetailsProps) {
  const [chosen, setChosen] = useState<Tab>("FULL");
  const tab = chosen === "DIFF" && other === null ? "FULL" : chosen;
  const sections = useMemo(() => (run === null ? [] : configSections(run.config, other?.config)), [run, other]);
  if (run === null) return frame(null, <p className="empty">No run selected.</p>);
  const tabs = TABS.filter((name) => name !== "DIFF" || other !== null);
  const controls = (
    <>
      {other !== null && <Changes sections={sections} run={run} other={other} />}
      <fieldset className="tabs" aria-label="What to show">
        {tabs.map((name) => (
          <button key={name} type="button" aria-pressed={tab === name} onClick={() => setChosen(name)}>
            {name}
          </button>
        ))}
      </fieldset>
    </>
  );
  return frame(controls, <Values tab={tab} run={run} other={other} sections={sections} />);
}

function Changes({ sections, run, other }: { sections: readonly Section[]; run: Run; other: Run }) {
  const count = countChanges([...sections, ...missingSection(run.config, other.config)]);
  return (
    <span className={`clip ${styles.changes} ${count > 0 ? "info" : "dim"}`} title={`Compared with ${other.name}`}>
      {count === 0 ? "same as" : `${count} changed vs`} {other.name}
    </span>
  );
}

interface ValuesProps {
  tab: Tab;
  run: Run;
  other: Run | null;
  sections: readonly Section[];
}

function Values({ tab, run, other, sections }: ValuesProps) {
  const now = useNow(1_000);
  const filter = useMemo(() => ({ runId: run.id }), [run.id]);
  const { events } = useEvents(filter);
  const environment = environmentSection(
    run,
    events.find((event) => event.event === "run_started"),
    now,
  );
  if (tab === "LAST")
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
      <section className={styles.last} aria-label={`Latest values of ${run.name}`} tabIndex={0}>
        <MetricsTable runId={run.id} />
      </section>
    );
  if (tab === "ENV") return <KeyValue label={`${tab} of ${run.name}`} sections={[environment]} />;
  if (tab === "FULL")
    return <KeyValue label={`${tab} of ${run.name}`} sections={[...withoutChanges(sections), environment]} />;
  const changed = [...changedOnly(sections), ...missingSection(run.config, other?.config ?? {})];
  if (changed.length === 0) return <p className="empty">The configs are the same.</p>;
  return <KeyValue label={`${tab} of ${run.name}`} sections={changed} />;
}

function withoutChanges(sections: readonly Section[]): Section[] {
  return sections.map(({ title, entries }) => ({
    title,
    entries: entries.map(({ name, value }) => ({ name, value })),
  }));
}

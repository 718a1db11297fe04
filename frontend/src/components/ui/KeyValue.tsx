import type { ReactNode } from "react";
import styles from "./KeyValue.module.css";

export interface Entry {
  name: string;
  value: string;
  /** What stood there in the run it is compared with; null when that run lacks it. */
  before?: string | null | undefined;
}

export interface Section {
  title: string;
  entries: readonly Entry[];
}

interface KeyValueProps {
  sections: readonly Section[];
  label: string;
  /** Shows a value in a way of its own; null: as text. */
  show?(title: string, name: string): ReactNode;
  above?: ReactNode;
  /** Below them. */
  children?: ReactNode;
}

/** Names and values in columns, grouped; an entry with `before` is marked as changed. */
export function KeyValue({ sections, label, show, above, children }: KeyValueProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section className={styles.scroll} tabIndex={0} data-focus aria-label={label}>
      {above}
      <div className={styles.columns}>
        {sections.map((section) => (
          <div key={section.title} className={styles.section}>
            <h3>{section.title}</h3>
            <dl>
              {section.entries.map((entry) => (
                <Row key={entry.name} entry={entry} shown={show?.(section.title, entry.name)} />
              ))}
            </dl>
          </div>
        ))}
      </div>
      {children}
    </section>
  );
}

function Row({ entry, shown }: { entry: Entry; shown: ReactNode }) {
  const changed = entry.before !== undefined;
  return (
    <div>
      <dt className="clip" title={entry.name}>
        {entry.name}
      </dt>
      <dd className={changed ? "info" : "value"} title={entry.value}>
        {changed && <Before>{entry.before}</Before>}
        {shown ?? entry.value}
      </dd>
    </div>
  );
}

function Before({ children }: { children: ReactNode }) {
  if (children === null || children === undefined) return <span className={styles.added}>new</span>;
  return (
    <>
      <span className="sr">was </span>
      <s>{children}</s>
    </>
  );
}

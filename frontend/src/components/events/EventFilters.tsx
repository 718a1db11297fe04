import { useMemo } from "react";
import type { Events } from "../../hooks/useEvents";
import type { LogEvent } from "../../services/types";
import { Choice } from "../ui/Choice";
import { FilterField } from "../ui/FilterField";
import styles from "./EventLog.module.css";
import { SOURCES, THIS, termIn, withTerm } from "./filter";
import { FILTERS, filtered, type LevelFilter } from "./levels";

const HELP = "Words, level:error, source:checkpoint, run:this, run:R3. All have to fit.";
const ALL = FILTERS[0] as LevelFilter;
const EVERY_SOURCE = { value: "", text: "SOURCE" };

interface EventFiltersProps {
  text: string;
  /** Id of what tells that it could not be read; null when it could. */
  told: string | null;
  /** Of all levels, to count. */
  events: Events;
  onChange(text: string): void;
}

/** At the right of the panel's heading: text, run, source and level; each is a part of the same filter. */
export function EventFilters({ text, told, events, onChange }: EventFiltersProps) {
  const own = termIn(text, "run").toLowerCase() === THIS;
  const source = termIn(text, "source").toLowerCase();
  const sources = useMemo(() => occurred(events, source), [events, source]);
  return (
    <>
      <FilterField text={text} label="Filter events" help={HELP} told={told} onChange={onChange} />
      <fieldset className={`seg ${styles.own}`} aria-label="Which run">
        <button
          type="button"
          aria-pressed={own}
          title="Events of the selected run alone"
          onClick={() => onChange(withTerm(text, "run", own ? "" : THIS))}
        >
          RUN
        </button>
      </fieldset>
      <Choice
        label="Source"
        className={styles.source}
        value={source}
        options={[EVERY_SOURCE, ...sources.map((value) => ({ value, text: value.toUpperCase() }))]}
        onChoose={(source) => onChange(withTerm(text, "source", source))}
      />
      <Levels text={text} events={events} onChange={onChange} />
    </>
  );
}

/** Sources that something came from, and the chosen one; all of them while older events were not read. */
function occurred({ events, hasOlder }: Events, chosen: string): readonly string[] {
  if (hasOlder) return SOURCES;
  const seen = new Set(events.map((event) => event.source as string));
  return SOURCES.filter((source) => source === chosen || seen.has(source));
}

function Levels({ text, events, onChange }: Pick<EventFiltersProps, "text" | "events" | "onChange">) {
  const current = termIn(text, "level").toLowerCase();
  return (
    <fieldset className={`seg ${styles.filters}`} aria-label="Level">
      {FILTERS.map((filter) => {
        const [level = ""] = filter.levels;
        const pressed = level === current;
        return (
          <button
            key={filter.name}
            type="button"
            className={filter === ALL ? styles.all : undefined}
            aria-pressed={pressed}
            onClick={() => onChange(withTerm(text, "level", pressed ? "" : level))}
          >
            {filter.name}
            {filter !== ALL && <Count events={filtered(events.events, filter)} more={events.hasOlder} />}
          </button>
        );
      })}
    </fieldset>
  );
}

/** How many of them were read; `+` when older ones may be there. */
function Count({ events, more }: { events: readonly LogEvent[]; more: boolean }) {
  if (events.length === 0) return null;
  return (
    <span className={styles.count}>
      {" "}
      {events.length}
      {more && "+"}
    </span>
  );
}

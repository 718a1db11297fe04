import { type ReactNode, useMemo, useState } from "react";
import { type Events, useEvents } from "../../hooks/useEvents";
import type { LogEvent, Run } from "../../services/types";
import { Icon } from "../ui/Icon";
import { Skeleton } from "../ui/Skeleton";
import { Announcer } from "./Announcer";
import { EventLines } from "./EventLines";
import styles from "./EventLog.module.css";
import { FILTERS, filtered, type LevelFilter, upTo } from "./levels";

interface EventLogProps {
  runs: readonly Run[];
  frame(about: ReactNode, controls: ReactNode, body: ReactNode): ReactNode;
}

const ALL = FILTERS[0] as LevelFilter;

/** What happened, newest first. At the top it follows; scrolled down, it holds still and counts what came. */
export function EventLog({ runs, frame }: EventLogProps) {
  const [filter, setFilter] = useState(ALL);
  const [heldAt, setHeldAt] = useState<number | null>(null);
  const all = useEvents();
  const asked = useMemo(() => (filter.levels.length === 0 ? {} : { levels: filter.levels }), [filter]);
  const chosen = useEvents(asked);
  const shown = upTo(chosen.events, heldAt);
  const names = useMemo(() => new Map(runs.map((run) => [run.id, run.name])), [runs]);
  return frame(
    <Tail waiting={chosen.events.length - shown.length} held={heldAt !== null} onFollow={() => setHeldAt(null)} />,
    <Filters events={all} current={filter} onChoose={setFilter} />,
    <>
      <Body events={chosen} empty={filter === ALL ? "Nothing happened yet." : `No ${filter.name} line.`}>
        <EventLines
          key={filter.name}
          events={shown}
          names={names}
          hasOlder={chosen.hasOlder}
          onOlder={chosen.loadOlder}
          following={heldAt === null}
          onHold={() => setHeldAt(chosen.events[0]?.id ?? null)}
          onFollow={() => setHeldAt(null)}
        />
      </Body>
      <Announcer events={all.events} names={names} />
    </>,
  );
}

function Body({ events, empty, children }: { events: Events; empty: string; children: ReactNode }) {
  if (events.loading) return <Skeleton rows={10} label="events" />;
  if (events.events.length > 0) return children;
  return <p className={`empty ${events.error === null ? "" : "bad"}`}>{events.error ?? empty}</p>;
}

function Tail({ waiting, held, onFollow }: { waiting: number; held: boolean; onFollow(): void }) {
  if (!held) {
    return (
      <span className="good">
        <Icon name="dot" /> TAIL
      </span>
    );
  }
  return (
    <button type="button" className="button" onClick={onFollow}>
      <Icon name="up" /> {waiting > 0 ? `${waiting} NEW` : "TO NEWEST"}
    </button>
  );
}

interface FiltersProps {
  events: Events;
  current: LevelFilter;
  onChoose(filter: LevelFilter): void;
}

function Filters({ events, current, onChoose }: FiltersProps) {
  return (
    <fieldset className={`seg ${styles.filters}`} aria-label="Level">
      {FILTERS.map((filter) => (
        <button key={filter.name} type="button" aria-pressed={filter === current} onClick={() => onChoose(filter)}>
          {filter.name}
          {filter !== ALL && <Count events={filtered(events.events, filter)} more={events.hasOlder} />}
        </button>
      ))}
    </fieldset>
  );
}

/** How many of them were read; `+` when older ones may be there. */
function Count({ events, more }: { events: readonly LogEvent[]; more: boolean }) {
  if (events.length === 0) return null;
  return (
    <span>
      {" "}
      {events.length}
      {more && "+"}
    </span>
  );
}

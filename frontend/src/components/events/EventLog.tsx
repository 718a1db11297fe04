import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { type Events, useEvents } from "../../hooks/useEvents";
import type { LogEvent, Run } from "../../services/types";
import { MAX_EVENTS } from "../../state/merge";
import { changeView, useViewPart } from "../../state/view";
import { FilterMessage } from "../ui/FilterField";
import { Icon } from "../ui/Icon";
import { Skeleton } from "../ui/Skeleton";
import { Announcer } from "./Announcer";
import { EventFilters } from "./EventFilters";
import { EventLines } from "./EventLines";
import styles from "./EventLog.module.css";
import { queryIn } from "./filter";
import { upTo } from "./levels";

/** So many lines fill a panel; while fewer fit the filter, older ones are read. */
const ENOUGH = 60;

interface EventLogProps {
  runs: readonly Run[];
  /** The selected run. */
  selected: string | null;
  /** A line was opened: turn to where it happened. */
  onTurn(event: LogEvent): void;
  frame(about: ReactNode, controls: ReactNode, body: ReactNode): ReactNode;
}

/** What happened, newest first. At the top it follows; scrolled down, it holds still and counts what came. */
export function EventLog({ runs, selected, onTurn, frame }: EventLogProps) {
  const text = useViewPart("events");
  const at = useViewPart("at");
  const [heldAt, setHeldAt] = useState<number | null>(null);
  const all = useEvents();
  const told = useId();
  const byId = useNames(runs);
  const { events, chosen, query } = useChosen(text, selected, byId);
  const shown = useMemo(() => upTo(events, heldAt), [events, heldAt]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter begins at its newest line
  useEffect(() => setHeldAt(null), [text]);
  return frame(
    <Tail waiting={events.length - shown.length} held={heldAt !== null} onFollow={() => setHeldAt(null)} />,
    <EventFilters
      text={text}
      told={query.message === null ? null : told}
      events={all}
      onChange={(events) => changeView({ events })}
    />,
    <div className={styles.whole}>
      <FilterMessage id={told} text={query.message} />
      <Body events={chosen} found={events.length} empty={emptyWords(text, chosen)}>
        <EventLines
          key={text}
          events={shown}
          runs={byId}
          at={at === null || selected === null ? null : { run: selected, step: at }}
          hasOlder={chosen.hasOlder}
          onOlder={chosen.loadOlder}
          following={heldAt === null}
          onHold={() => setHeldAt(events[0]?.id ?? null)}
          onFollow={() => setHeldAt(null)}
          onTurn={onTurn}
        />
      </Body>
      <Announcer events={all.events} runs={byId} />
    </div>,
  );
}

/** Runs by id; the same map while numbers and names stay, however often steps come. */
function useNames(runs: readonly Run[]): ReadonlyMap<string, Run> {
  const known = useRef<ReadonlyMap<string, Run>>(new Map());
  const { current } = known;
  const same = runs.length === current.size && runs.every((run) => current.get(run.id)?.name === run.name);
  if (!same) known.current = new Map(runs.map((run) => [run.id, run]));
  return known.current;
}

/** The events that fit the filter, as far as they were read. */
function useChosen(text: string, selected: string | null, runs: ReadonlyMap<string, Run>) {
  const query = useMemo(() => queryIn(text), [text]);
  const asked = useMemo(
    () => ({
      ...(query.levels.length === 0 ? {} : { levels: query.levels }),
      ...(query.own && selected !== null ? { runId: selected } : {}),
    }),
    [query, selected],
  );
  const chosen = useEvents(asked);
  const events = useMemo(
    () =>
      query.picks ? chosen.events.filter((event) => query.test(event, runs.get(event.run_id ?? ""))) : chosen.events,
    [chosen.events, query, runs],
  );
  const { hasOlder, loadOlder } = chosen;
  const read = chosen.events.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each answer
  useEffect(() => {
    if (query.picks && hasOlder && read > 0 && events.length < ENOUGH) loadOlder();
  }, [query, read, hasOlder]);
  return { query, chosen, events };
}

function emptyWords(text: string, { events }: Events): string {
  if (text.trim() === "") return "Nothing happened yet.";
  const most = events.length >= MAX_EVENTS ? ` of the newest ${MAX_EVENTS.toLocaleString("en-US")}` : "";
  return `No event${most} fits the filter.`;
}

interface BodyProps {
  events: Events;
  found: number;
  empty: string;
  children: ReactNode;
}

function Body({ events, found, empty, children }: BodyProps) {
  if (events.loading) return <Skeleton rows={10} label="events" />;
  if (found > 0) return children;
  return <p className={`empty ${events.error === null ? "" : "bad"}`}>{events.error ?? empty}</p>;
}

function Tail({ waiting, held, onFollow }: { waiting: number; held: boolean; onFollow(): void }) {
  if (!held) {
    return (
      <span className="good" title="New lines are followed">
        <Icon name="dot" /> <span className={styles.tail}>TAIL</span>
      </span>
    );
  }
  const words = waiting > 0 ? `${waiting} NEW` : "TO NEWEST";
  return (
    <button
      type="button"
      className="button"
      aria-label={words}
      title="Follow new lines again (Home)"
      onClick={onFollow}
    >
      <Icon name="up" /> {waiting > 0 && waiting}
      <span className={styles.tail}> {waiting > 0 ? "NEW" : "NEWEST"}</span>
    </button>
  );
}

import { useEffect, useRef, useState } from "react";
import type { LogEvent, Run } from "../../services/types";
import { isNews } from "./levels";

const EVERY_MS = 5_000;

interface AnnouncerProps {
  /** Newest first. */
  events: readonly LogEvent[];
  /** By id. */
  runs: ReadonlyMap<string, Run>;
}

/** Tells a screen reader of errors, alerts and changes of status, one at a time, at most every five seconds. */
export function Announcer({ events, runs }: AnnouncerProps) {
  const [said, setSaid] = useState("");
  const last = useRef<{ id: number; at: number } | null>(null);
  useEffect(() => {
    const newest = events.find(isNews);
    last.current ??= { id: newest?.id ?? 0, at: 0 };
    if (newest === undefined || newest.id <= last.current.id) return;
    const wait = Math.max(0, last.current.at + EVERY_MS - Date.now());
    const timer = setTimeout(() => {
      last.current = { id: newest.id, at: Date.now() };
      const name = newest.run_id == null ? newest.source : (runs.get(newest.run_id)?.name ?? newest.source);
      setSaid(`${name}: ${newest.message.split("\n", 1)[0]}`);
    }, wait);
    return () => clearTimeout(timer);
  }, [events, runs]);
  return (
    <p className="sr" role="status">
      {said}
    </p>
  );
}

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { LineFilter } from "../live/lines";
import { Console } from "../state/console";
import { Hits } from "../state/hits";
import { useLive } from "./LiveProvider";

const TYPING_MS = 120;

/** What a run prints, of the lines that pass the filter. The same object until run or filter change. */
export function useLogs(runId: string, filter: LineFilter): Console {
  const { client, feed } = useLive();
  const log = useMemo(() => new Console(client, feed, runId, filter), [client, feed, runId, filter]);
  useEffect(() => log.start(), [log]);
  // While the view is paused what comes is kept, and shown afterwards.
  useSyncExternalStore(
    (listener) => log.subscribe(() => !feed.paused && listener()),
    () => log.version,
  );
  return log;
}

/** Lines that hold a text; null while none is searched. */
export function useHits(log: Console, runId: string, filter: LineFilter, text: string): Hits | null {
  const { client } = useLive();
  const [hits, setHits] = useState<Hits | null>(null);
  const [, setVersion] = useState(0);
  useEffect(() => {
    if (text === "") {
      setHits(null);
      return;
    }
    let end = () => {};
    const timer = setTimeout(() => {
      const changed = () => setVersion((version) => version + 1);
      const found = new Hits(client, runId, filter, text, changed);
      const ends = [found.start(), log.onPrinted((lines) => found.add(lines))];
      end = () => {
        for (const each of ends) each();
      };
      setHits(found);
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [client, log, runId, filter, text]);
  return hits;
}

import { useMemo } from "react";
import type { Mark } from "../charts/mark";
import type { Checkpoint, LogEvent } from "../services/types";
import { useCheckpoints } from "./useCheckpoints";
import { useEvents } from "./useEvents";

const MOST = 500;
const LEVELS: Readonly<Record<string, Mark["kind"]>> = { error: "error", critical: "error", warning: "warning" };

/** What happened to a run at steps: its checkpoints, warnings, errors and notes. */
export function useMarks(runId: string | null): readonly Mark[] {
  const checkpoints = useCheckpoints(runId);
  const filter = useMemo(() => ({ runId: runId ?? "" }), [runId]);
  const { events } = useEvents(filter);
  return useMemo(
    () => (runId === null ? [] : [...checkpoints.flatMap(ofCheckpoint), ...events.flatMap(ofEvent)].slice(0, MOST)),
    [runId, checkpoints, events],
  );
}

function ofCheckpoint({ step, is_best, number }: Checkpoint): Mark[] {
  if (step === null) return [];
  return [{ step, kind: is_best ? "best" : "checkpoint", text: `${is_best ? "★ best, " : ""}checkpoint ${number}` }];
}

/** Checkpoints tell of themselves above; what is merely information would cover the chart. */
function ofEvent({ step, level, event, message }: LogEvent): Mark[] {
  const kind = LEVELS[level] ?? (event === "annotation" || event === "note" ? "note" : null);
  return step == null || kind === null ? [] : [{ step, kind, text: message || event }];
}

import { type RefObject, useEffect, useRef, useState } from "react";
import { useMoments } from "../../hooks/useMoments";
import type { Console } from "../../state/console";
import { changeView } from "../../state/view";
import { hasSelection } from "./useScroll";

interface StepLink {
  /** The line that belongs to the step where the crosshair stands, once it was asked for. */
  marked: number | null;
  /** There is no line for that step. */
  missed: boolean;
  /** Put the charts' crosshair on the step at which a line was printed. */
  choose(place: number): void;
  /** Go to the last line that was printed before the run went on from the crosshair's step. */
  find(): Promise<void>;
}

interface StepLinkOptions {
  log: Console;
  /** Holds the lines. */
  box: RefObject<HTMLElement | null>;
  runId: string;
  /** Where the crosshair stands. */
  at: number | null;
  show(place: number): void;
}

/** From a line to its step and back. */
export function useStepLink({ log, box, runId, at, show }: StepLinkOptions): StepLink {
  const { stepAt, endOf } = useMoments(runId);
  const [found, setFound] = useState<{ at: number | null; place: number | null }>({ at: null, place: null });
  const asked = useRef(0);
  const known = found.at !== null && found.at === at;

  // An answer that comes after somebody went on to something else changes nothing.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the run's lines are others
  useEffect(() => {
    asked.current += 1;
  }, [log]);

  const choose = (place: number) => {
    if (hasSelection(box.current)) return;
    show(place);
    void link(place);
  };
  const link = async (place: number) => {
    const question = ++asked.current;
    const time = log.lines.at(place)?.time;
    const step = time === undefined ? null : await stepAt(time).catch(() => null);
    if (step === null || question !== asked.current) return;
    setFound({ at: step, place });
    changeView({ at: step });
  };
  const find = async () => {
    if (at === null) return;
    const question = ++asked.current;
    const end = await endOf(at).catch(() => null);
    const place = await log.placeBefore(end ?? Number.POSITIVE_INFINITY);
    if (question !== asked.current) return;
    setFound({ at, place });
    if (place !== null) show(place);
  };
  return { marked: known ? found.place : null, missed: known && found.place === null, choose, find };
}

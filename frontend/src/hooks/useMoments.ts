import { useMemo } from "react";
import { mainMetric } from "../lib/pick";
import { isSampled } from "../live/decode";
import { type Course, type CourseAxis, counterpart, type ReadCourse } from "../live/moments";
import { answerOf, type Client } from "../services/api";
import { useLive } from "./LiveProvider";

export interface Moments {
  /** The step that the run had reached at a time; null when it had none yet. */
  stepAt(time: number): Promise<number | null>;
  /** When the run went on from a step, in microseconds since 1970; null when it has not yet. */
  endOf(step: number): Promise<number | null>;
}

/** Steps and times of a run, each found by the other: by the points of its main metric, which have both. */
export function useMoments(runId: string): Moments {
  const { client, feed } = useLive();
  return useMemo(() => {
    const find = (axis: CourseAxis, at: number, beyond = false): Promise<number | null> => {
      const names = feed.latest.names(runId).filter((name) => !isSampled(name));
      const metric = mainMetric(names);
      return metric === null ? Promise.resolve(null) : counterpart(reader(client, runId, metric), axis, at, beyond);
    };
    return { stepAt: (time) => find("time", time), endOf: (step) => find("step", step, true) };
  }, [client, feed, runId]);
}

function reader(client: Client, runId: string, metric: string): ReadCourse {
  return async (axis, { from, to }, points): Promise<Course> => {
    const stretch = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const params = { path: { run_id: runId }, query: { key: [metric], x: axis, points, ...stretch } };
    const answer = await answerOf(client.GET("/api/runs/{run_id}/metrics", { params }));
    return courseOf(answer, metric);
  };
}

/** The answer's type covers raw points too, which have no counts. */
function courseOf(answer: object, metric: string): Course {
  const { keys } = answer as { keys?: Record<string, Partial<Course>> };
  const { x = [], count = [], stored = 0 } = keys?.[metric] ?? {};
  return { x, count, stored };
}

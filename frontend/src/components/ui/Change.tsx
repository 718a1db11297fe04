import { NOTHING, value } from "../../lib/format";
import { direction } from "../../lib/goal";
import { Icon } from "./Icon";

interface ChangeProps {
  metric: string;
  now: number | null;
  before: number | null;
}

/** By how much a metric moved: the arrow tells up or down, the colour whether that is good for this metric. */
export function Change({ metric, now, before }: ChangeProps) {
  if (now === null || before === null) return <span className="dim">{NOTHING}</span>;
  const difference = now - before;
  if (!Number.isFinite(difference)) return <span className="bad">{value(difference)}</span>;
  if (difference === 0) return <span className="dim">{value(0)}</span>;
  return (
    <span className={direction(metric, now, before) ?? "dim"}>
      <Icon name={difference < 0 ? "down" : "up"} />
      <span className="sr">{difference < 0 ? "down" : "up"}</span> {value(Math.abs(difference))}
    </span>
  );
}

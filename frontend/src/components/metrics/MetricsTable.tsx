import { useLatest, useMetricNames } from "../../hooks/useLiveValue";
import { step, value } from "../../lib/format";
import { direction } from "../../lib/goal";
import { isSampled } from "../../live/decode";

/** Latest value of every metric of a run, with its change. */
export function MetricsTable({ runId }: { runId: string }) {
  const names = useMetricNames(runId);
  return (
    <table className="metrics-table" aria-label="Latest values">
      <thead>
        <tr>
          <th scope="col">METRIC</th>
          <th scope="col" className="n">
            STEP
          </th>
          <th scope="col" className="n">
            LAST
          </th>
          <th scope="col" className="n">
            CHANGE
          </th>
        </tr>
      </thead>
      <tbody>
        {names.map((name) => (
          <MetricRow key={name} runId={runId} name={name} />
        ))}
      </tbody>
    </table>
  );
}

const TONES = { good: "g", bad: "r" } as const;

function MetricRow({ runId, name }: { runId: string; name: string }) {
  const latest = useLatest(runId, name);
  const tone = direction(name, latest.value, latest.previous);
  return (
    <tr>
      <th scope="row">{name}</th>
      <td className="n m">{step(isSampled(name) ? null : latest.step)}</td>
      <td className="n v">{value(latest.value)}</td>
      <td className={`n ${tone === null ? "m" : TONES[tone]}`}>{change(latest.value, latest.previous)}</td>
    </tr>
  );
}

function change(now: number | null, before: number | null): string {
  if (now === null || before === null) return value(null);
  const difference = now - before;
  return difference > 0 ? `+${value(difference)}` : value(difference);
}

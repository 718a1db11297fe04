import type { Checkpoint } from "../../services/types";
import { Choice } from "../ui/Choice";
import { metricColumns, metricNames } from "./columns";

interface MetricColumnsProps {
  checkpoints: readonly Checkpoint[];
  chosen: readonly string[];
  onChoose(metrics: readonly string[]): void;
}

/** Gives metrics a column, and takes it back; nothing to choose where all have one. */
export function MetricColumns({ checkpoints, chosen, onChoose }: MetricColumnsProps) {
  const names = metricNames(checkpoints);
  const shown = metricColumns(checkpoints, chosen);
  if (names.length < 2) return null;
  const toggle = (name: string) =>
    onChoose(shown.includes(name) ? shown.filter((each) => each !== name) : [...shown, name]);
  const options = names.map((name) => ({ value: name, text: `${shown.includes(name) ? "−" : "+"} ${name}` }));
  return (
    <Choice
      label="Columns of metrics"
      value=""
      options={[{ value: "", text: `${shown.length}/${names.length} METRICS` }]}
      groups={[{ title: "SHOW OR HIDE", options }]}
      onChoose={(name) => name !== "" && toggle(name)}
    />
  );
}

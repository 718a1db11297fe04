import type { Run } from "../../services/types";
import { changeView } from "../../state/view";
import { Choice, type OptionGroup } from "../ui/Choice";
import styles from "./RunDetails.module.css";

/** Runs that another can be held against. */
export interface Others {
  drawn: readonly Run[];
  /** The newest of its project. */
  project: readonly Run[];
}

interface AgainstProps {
  /** How many values of the config differ. */
  count: number;
  other: Run;
  others: Others;
}

/** How much differs from which run; another can be chosen. */
export function Against({ count, other, others }: AgainstProps) {
  return (
    <span className={styles.against}>
      <span className={count > 0 ? "info" : "dim"}>{count === 0 ? "same as" : `${count} changed vs`}</span>
      <Choice
        label="Held against"
        value={other.id}
        groups={groupsOf(other, others)}
        onChoose={(id) => changeView({ against: id })}
      />
    </span>
  );
}

function groupsOf(other: Run, { drawn, project }: Others): OptionGroup[] {
  const known = new Set([...drawn, ...project].map((run) => run.id));
  const groups = [
    { title: "CHOSEN", runs: known.has(other.id) ? [] : [other] },
    { title: "DRAWN", runs: drawn },
    { title: "PROJECT", runs: project.filter((run) => !drawn.includes(run)) },
  ];
  return groups
    .filter(({ runs }) => runs.length > 0)
    .map(({ title, runs }) => ({ title, options: runs.map(optionOf) }));
}

function optionOf({ id, number, name }: Run) {
  return { value: id, text: `R${number} ${name}` };
}

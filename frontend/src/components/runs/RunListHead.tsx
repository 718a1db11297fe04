import type { RunState } from "../../services/types";
import { changeView } from "../../state/view";
import { FilterField } from "../ui/FilterField";
import { Icon } from "../ui/Icon";
import { orderIn } from "./order";
import styles from "./RunListHead.module.css";
import { lookOf } from "./RunStatus";

const HELP = "Words, status:failed, tag:x, project:x, name:x, loss<2.5, lr=0.001. All have to fit.";

/** The filter that LIVE stands for. */
export const LIVE = "status:running";

interface RunListHeadProps {
  counts: Readonly<Record<string, number>>;
  filter: string;
  sort: string;
  /** Id of what tells that the filter could not be read; null when it could. */
  told: string | null;
}

/** At the right of the panel's heading: how many runs there are of each kind, the filter, and which runs to show. */
export function RunListHead({ counts, filter, sort, told }: RunListHeadProps) {
  return (
    <>
      <FilterField
        text={filter}
        label="Filter runs"
        help={HELP}
        told={told}
        onChange={(text) => changeView({ filter: text })}
      />
      <Counts counts={counts} />
      <Which filter={filter} sort={sort} />
    </>
  );
}

const COUNTED: readonly RunState[] = ["running", "completed", "failed", "crashed", "interrupted"];

function Counts({ counts }: { counts: Readonly<Record<string, number>> }) {
  const found = COUNTED.filter((status) => (counts[status] ?? 0) > 0);
  return (
    <span className={styles.counts}>
      {found.map((status) => (
        <span key={status} className={lookOf(status).tone} title={status}>
          <Icon name={lookOf(status).icon} /> {counts[status]}
          <span className="sr"> {status}</span>
        </span>
      ))}
    </span>
  );
}

/** ALL as they came, LIVE what runs, ATTN who needs somebody first. */
function Which({ filter, sort }: { filter: string; sort: string }) {
  const live = filter.trim() === LIVE;
  const attention = orderIn(sort).by === "attention";
  const choices = [
    { name: "ALL", pressed: filter.trim() === "" && !attention, view: { filter: "", sort: attention ? "" : sort } },
    { name: "LIVE", pressed: live, view: { filter: live ? "" : LIVE } },
    { name: "ATTN", pressed: attention, view: { sort: attention ? "" : "attention" } },
  ];
  return (
    <fieldset className={`seg ${styles.which}`} aria-label="Which runs">
      {choices.map(({ name, pressed, view }) => (
        <button key={name} type="button" aria-pressed={pressed} onClick={() => changeView(view)} title={TITLES[name]}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  ALL: "All runs",
  LIVE: "Runs that run now",
  ATTN: "Runs that need somebody first: failed, silent, diverged",
};

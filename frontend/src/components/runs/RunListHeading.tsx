import { changeView } from "../../state/view";
import { Icon } from "../ui/Icon";
import table from "../ui/Table.module.css";
import { type Column, nextSort, orderIn } from "./order";
import styles from "./RunList.module.css";

interface RunListHeadingProps {
  /** What the column of values is called. */
  value: string;
  /** `View.sort`. */
  sort: string;
  /** Why runs need somebody takes the place of their course. */
  reasons: boolean;
}

/** The headings of the columns; a press on one sorts by it. */
export function RunListHeading({ value, sort, reasons }: RunListHeadingProps) {
  return (
    <div className={table.head} role="row" aria-rowindex={1}>
      <Sorting by="number" sort={sort} name="#" title="Number, the newest first" number />
      <span role="columnheader" className={styles.swatch}>
        <span className="sr">Line in the charts</span>
      </span>
      <Sorting by="name" sort={sort} name="NAME" />
      {reasons ? (
        <Sorting by="attention" sort={sort} name="STATUS · WHY" title="Why it needs somebody" />
      ) : (
        <Sorting by="status" sort={sort} name="STATUS" />
      )}
      <Sorting by="step" sort={sort} name="STEP" className={styles.step} number />
      <Sorting by="loss" sort={sort} name={value} title="The last value of what tells most about the run" number />
      {!reasons && (
        <>
          <span role="columnheader" className={`number ${styles.change}`} title="Change over the last 100 steps">
            CHG 100
          </span>
          <span role="columnheader" className={styles.trend}>
            TREND
          </span>
        </>
      )}
      <Sorting by="age" sort={sort} name="AGE" className={styles.age} title={AGE} number />
    </div>
  );
}

const AGE = "A running run: age of its newest point. An ended one: how long it took";

interface SortingProps {
  by: Column;
  sort: string;
  name: string;
  title?: string;
  className?: string | undefined;
  number?: boolean;
}

function Sorting({ by, sort, name, title, className = "", number = false }: SortingProps) {
  const order = orderIn(sort);
  const current = order.by === by;
  const direction = order.descending ? "descending" : "ascending";
  return (
    <span
      role="columnheader"
      aria-sort={current ? direction : undefined}
      className={`${number ? "number" : ""} ${className}`}
    >
      <button
        type="button"
        className={styles.sort}
        title={title}
        onClick={() => changeView({ sort: nextSort(sort, by) })}
      >
        {name}
        {current && <Icon name={order.descending ? "down" : "up"} />}
      </button>
    </span>
  );
}

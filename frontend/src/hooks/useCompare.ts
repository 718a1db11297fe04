import { changeView } from "../state/view";

export interface Compare {
  /** Draw the selected run alone. */
  alone(): void;
  /** Draw with it whom the page chooses: the runs of its project that ran at the same time. */
  together(): void;
}

const COMPARE: Compare = {
  alone: () => changeView({ compared: [] }),
  together: () => changeView({ compared: null }),
};

/** Which runs are drawn, chosen all at once. */
export function useCompare(): Compare {
  return COMPARE;
}

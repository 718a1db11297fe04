import { useUi } from "../state/ui";

export interface Compare {
  /** Draw the selected run alone. */
  alone(): void;
  /** Draw with it whom the page chooses: the runs of its project that ran at the same time. */
  together(): void;
}

const COMPARE: Compare = {
  alone: () => useUi.setState({ ticked: [] }),
  together: () => useUi.setState({ ticked: null }),
};

/** Which runs are drawn, chosen all at once. */
export function useCompare(): Compare {
  return COMPARE;
}

/** The colours of tokens.css by meaning, for inline SVG and for values that pick a colour. */
export const theme = {
  name: "var(--text-primary)",
  label: "var(--text-secondary)",
  value: "var(--text-value)",
  dim: "var(--text-dim)",
  good: "var(--good-text)",
  warning: "var(--status-warning)",
  bad: "var(--error-text)",
  info: "var(--status-info)",
  spark: "var(--spark)",
  barGood: "var(--bar-good)",
  barUsual: "var(--bar-usual)",
  barInfo: "var(--bar-info)",
  gridLine: "var(--grid-line)",
} as const;

/** The colour of a load in percent: green, orange from 80, red above 92. */
export function loadColour(percent: number): string {
  if (percent > 92) return theme.bad;
  return percent > 80 ? theme.warning : theme.barGood;
}

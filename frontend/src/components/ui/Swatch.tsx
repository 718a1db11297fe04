interface SwatchProps {
  colour: string;
  dash: readonly number[];
}

/** The line that stands for a run in the charts: its colour and its dashes. */
export function Swatch({ colour, dash }: SwatchProps) {
  return (
    <svg width="14" height="10" viewBox="0 0 14 10" aria-hidden="true" focusable="false">
      <path d="M0 5h14" stroke={colour} strokeWidth="2" strokeDasharray={dash.join(" ")} />
    </svg>
  );
}

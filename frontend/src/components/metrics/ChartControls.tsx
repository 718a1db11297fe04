import type { ChartWindow, View, XAxis } from "../../state/address";
import { changeView, useViewPart } from "../../state/view";
import styles from "./ChartControls.module.css";

const WINDOWS: readonly [ChartWindow, string][] = [
  [100, "100"],
  [1000, "1K"],
  ["all", "ALL"],
];
const WEIGHTS = [0, 0.6, 0.9, 0.97];
const AXES = ["step", "relative", "wall"] as const;
const AXIS_NAMES = { step: "STEP", relative: "REL", wall: "WALL" };
const AXIS_WORDS = { step: "steps", relative: "time since the start", wall: "the time of day" };

/** Smoothing, scale, axis and window of all charts at once; `drawnLog` is what the chart beside them chose itself. */
export function ChartControls({ drawnLog }: { drawnLog: boolean }) {
  const window = useViewPart("window");
  const logScale = useViewPart("logScale");
  const isLog = logScale ?? drawnLog;
  return (
    <>
      <fieldset className="seg" aria-label="Smoothing, axis and scale">
        <Smoothing />
        <Axis />
        <button
          type="button"
          className={styles.rarer}
          aria-pressed={isLog}
          onClick={() => changeView({ logScale: !isLog })}
        >
          LOG Y
        </button>
      </fieldset>
      <fieldset className={`seg ${styles.window}`} aria-label="Window">
        {WINDOWS.map(([points, label]) => (
          <button
            key={label}
            type="button"
            aria-pressed={window === points}
            onClick={() => changeView({ window: points, zoom: null })}
          >
            {label}
          </button>
        ))}
      </fieldset>
    </>
  );
}

/** Each press smooths more, the last one no longer. */
function Smoothing() {
  const smoothing = useViewPart("smoothing");
  const next = WEIGHTS.find((weight) => weight > smoothing) ?? 0;
  return (
    <button
      type="button"
      className={styles.rare}
      aria-pressed={smoothing > 0}
      aria-label={smoothing > 0 ? `EMA ${smoothing}` : "EMA off"}
      title={next === 0 ? "Smooth no longer" : `Smooth by ${next}`}
      onClick={() => changeView({ smoothing: next })}
    >
      EMA {smoothing > 0 ? shortWeight(smoothing) : "OFF"}
    </button>
  );
}

function shortWeight(weight: number): string {
  return String(weight).replace(/^0/, "");
}

function Axis() {
  const axis = useViewPart("xAxis");
  return (
    <button
      type="button"
      className={styles.rare}
      aria-pressed={axis !== "step"}
      aria-label={`X axis: ${typeof axis === "string" ? AXIS_WORDS[axis] : axis.metric}`}
      title={`X by ${typeof axis === "string" ? AXIS_WORDS[axis] : axis.metric}`}
      onClick={() => changeView(nextAxis(axis))}
    >
      {typeof axis === "string" ? AXIS_NAMES[axis] : "METRIC"}
    </button>
  );
}

/** A zoom counts in what the axis does, so that it ends with it. */
function nextAxis(axis: XAxis): Partial<View> {
  const at = typeof axis === "string" ? AXES.indexOf(axis) : -1;
  return { xAxis: AXES[(at + 1) % AXES.length] ?? "step", zoom: null };
}

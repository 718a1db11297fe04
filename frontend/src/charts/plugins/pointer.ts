import type uPlot from "uplot";

const MIN_DRAG_PX = 6;
/** Turns of a wheel, in the pixels that browsers count in, after which everything is twice as wide. */
const WHEEL_PX = 240;

export interface PointerActions {
  /** A stretch of x was dragged over. */
  onStretch(low: number, high: number): void;
  /** Something turned closer (below 1) or away, with an x that stays where it is. */
  onScale(factor: number, x: number): void;
  onReset(): void;
  /** An x was clicked. */
  onClick(x: number): void;
}

/**
 * What is done with a pointer: drag a stretch, turn the wheel with ctrl (a touchpad's pinch is the same), click twice to
 * go back, click once. The library's own drag listens to the page's document, which a panel in its own window is not in.
 */
export function pointerPlugin(actions: PointerActions): uPlot.Plugin {
  return {
    hooks: {
      init: (chart) => {
        const { over } = chart;
        dragging(chart, actions);
        over.addEventListener("dblclick", () => actions.onReset());
        over.addEventListener("wheel", (event) => turn(chart, event, actions), { passive: false });
      },
    },
  };
}

function turn(chart: uPlot, event: WheelEvent, { onScale }: PointerActions): void {
  if (!event.ctrlKey) return;
  event.preventDefault();
  onScale(2 ** (event.deltaY / WHEEL_PX), chart.posToVal(leftOf(chart, event), "x"));
}

function leftOf(chart: uPlot, event: MouseEvent): number {
  const { left, width } = chart.over.getBoundingClientRect();
  return Math.min(Math.max(event.clientX - left, 0), width);
}

/** A finger scrolls the page and clicks; it drags no stretch. */
function dragging(chart: uPlot, { onStretch, onClick }: PointerActions): void {
  const { over } = chart;
  let from: number | null = null;
  const select = (left: number, width: number) =>
    chart.setSelect({ left, top: 0, width, height: width > 0 ? over.clientHeight : 0 }, false);
  over.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = leftOf(chart, event);
    if (event.pointerType !== "touch") over.setPointerCapture(event.pointerId);
  });
  over.addEventListener("pointermove", (event) => {
    if (from === null || event.pointerType === "touch") return;
    const to = leftOf(chart, event);
    const width = Math.abs(to - from);
    select(Math.min(from, to), width < MIN_DRAG_PX ? 0 : width);
  });
  over.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [low, high] = [from, leftOf(chart, event)].sort((left, right) => left - right) as [number, number];
    from = null;
    select(0, 0);
    if (high - low < MIN_DRAG_PX) onClick(chart.posToVal(high, "x"));
    else if (event.pointerType !== "touch") onStretch(chart.posToVal(low, "x"), chart.posToVal(high, "x"));
  });
  over.addEventListener("pointercancel", () => {
    from = null;
    select(0, 0);
  });
}

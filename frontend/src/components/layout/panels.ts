/** The eight panels in the order of their numbers. */
export const PANELS = [
  { number: 1, name: "RUN LIST", area: "runs" },
  { number: 2, name: "SYSTEM STATUS", area: "system" },
  { number: 3, name: "EVENT LOG", area: "events" },
  { number: 4, name: "LOSS PLOT", area: "loss" },
  { number: 5, name: "LR PLOT", area: "rate" },
  { number: 6, name: "RUN CONFIG", area: "config" },
  { number: 7, name: "CHECKPOINTS", area: "checkpoints" },
  { number: 8, name: "ACTIONS", area: "actions" },
] as const;

export type PanelNumber = (typeof PANELS)[number]["number"];

export function panelId(number: PanelNumber): string {
  return `panel-${number}`;
}

/** Bring a panel into view and give it the focus, at the place in it that was last in use. */
export function focusPanel(number: PanelNumber): void {
  const panel = document.getElementById(panelId(number));
  if (panel === null) return;
  const target = panel.querySelector<HTMLElement>("[data-focus]") ?? panel;
  panel.scrollIntoView({ block: "nearest" });
  target.focus({ preventScroll: true });
}

/** The panel that holds an element. */
export function panelOf(element: Element | null): PanelNumber | null {
  const id = element?.closest("[data-panel]")?.getAttribute("data-panel");
  return PANELS.find((panel) => String(panel.number) === id)?.number ?? null;
}

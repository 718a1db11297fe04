import { useEffect } from "react";
import { panelAt } from "../../layout/focus";
import { useScreen } from "../../layout/screen";
import { maximise, openPanels, panelsHere, showPanel } from "../../layout/store";
import type { PanelId } from "../../layout/tree";
import { readView } from "../../state/view";
import { type Intent, intentOf, isField, neighbour } from "./keys";

const AWAIT_MS = 1_500;

export interface ScreenActions {
  pause(): void;
  copyLink(): void;
}

/** Listens for the keys of the whole screen while no field and no dialog has the focus. */
export function useKeys(actions: ScreenActions): void {
  useEffect(() => {
    let awaitedUntil = 0;
    const press = (event: KeyboardEvent) => {
      if (isElsewhere(event)) return;
      const awaiting = event.timeStamp < awaitedUntil;
      const intent = intentOf(
        { key: event.key, shift: event.shiftKey },
        { awaiting, letters: useScreen.getState().letterKeys },
      );
      awaitedUntil = intent?.do === "await-panel" ? event.timeStamp + AWAIT_MS : 0;
      if (intent === null || !obey(intent, actions)) return;
      event.preventDefault();
      event.stopPropagation();
    };
    // In the capture phase, so that the digit after `g` does not reach the panel that has the focus.
    window.addEventListener("keydown", press, { capture: true });
    return () => window.removeEventListener("keydown", press, { capture: true });
  }, [actions]);
}

/** Whether the stroke is the browser's, a field's, a dialog's or one that the part in focus has another use for. */
function isElsewhere(event: KeyboardEvent): boolean {
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  const own = document.activeElement?.closest<HTMLElement>("[data-keys]")?.dataset.keys ?? "";
  const taken = isField(document.activeElement) || own.split(" ").includes(event.key);
  return modified || taken || document.querySelector("dialog[open]") !== null;
}

/** Returns whether there was anything to do; if not, the key stays the browser's. */
function obey(intent: Intent, actions: ScreenActions): boolean {
  const screen = useScreen.getState();
  switch (intent.do) {
    case "panel":
      return goTo(intent.panel);
    case "number":
      return goTo(openPanels()[intent.number - 1] ?? null);
    case "next":
    case "previous":
      return goTo(neighbour(panelsHere(), current(), intent.do === "next" ? 1 : -1));
    case "maximise":
      return toggleMaximised();
    case "help":
      screen.showHelp(true);
      return true;
    case "layouts":
      screen.showLayouts(true);
      return true;
    case "back":
      return back();
    case "pause":
      actions.pause();
      return true;
    case "copy-link":
      actions.copyLink();
      return true;
    case "await-panel":
      return true;
  }
}

function toggleMaximised(): boolean {
  const panel = current();
  // Only where there are panels: not on the page without a run.
  if (document.querySelector("[data-layout]") === null || !panelsHere().includes(panel)) return false;
  maximise(readView().maximised === null ? panel : null);
  return true;
}

function current(): PanelId {
  return panelAt(document.activeElement) ?? useScreen.getState().active;
}

function goTo(panel: PanelId | null): boolean {
  return panel !== null && showPanel(panel);
}

function back(): boolean {
  // A panel that shows a detail closes that first.
  if (readView().maximised === null || document.activeElement?.closest("[data-detail]")) return false;
  maximise(null);
  return true;
}

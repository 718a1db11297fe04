import { useEffect } from "react";
import { type Intent, intentOf, isField, neighbour } from "./keys";
import { type PanelNumber, panelId, panelOf } from "./panels";
import { showPanel, useView } from "./view";

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
        { awaiting, letters: useView.getState().letterKeys },
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

/** Whether the stroke is the browser's, a field's or a dialog's. */
function isElsewhere(event: KeyboardEvent): boolean {
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  return modified || isField(document.activeElement) || document.querySelector("dialog[open]") !== null;
}

/** Returns whether there was anything to do; if not, the key stays the browser's. */
function obey(intent: Intent, actions: ScreenActions): boolean {
  const view = useView.getState();
  switch (intent.do) {
    case "panel":
      return goTo(intent.panel);
    case "next":
    case "previous":
      return goTo(neighbour(current(), intent.do === "next" ? 1 : -1));
    case "maximise":
      return maximise();
    case "help":
      view.showHelp(true);
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

function maximise(): boolean {
  const view = useView.getState();
  const panel = current();
  if (document.getElementById(panelId(panel)) === null) return false;
  view.maximise(view.maximised === null ? panel : null);
  return true;
}

function current() {
  return panelOf(document.activeElement) ?? useView.getState().active;
}

function goTo(panel: PanelNumber | null): boolean {
  if (panel === null) return false;
  showPanel(panel);
  return true;
}

function back(): boolean {
  const view = useView.getState();
  // A panel that shows a detail closes that first.
  if (view.maximised === null || document.activeElement?.closest("[data-detail]")) return false;
  view.maximise(null);
  return true;
}

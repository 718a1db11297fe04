import { changeView } from "../state/view";
import { parseLayout } from "./document";
import { writeDraft } from "./draft";
import { currentLayout, showLayout, useLayout } from "./store";

/** Hand what is shown over as a file. */
export function exportLayout(): void {
  const text = JSON.stringify(currentLayout(), null, 2);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `${(useLayout.getState().base ?? "layout").replace(/[^\p{L}\p{N}._-]+/gu, "-")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Show the layout of a file's text. Raises LayoutError. */
export function importLayout(text: string): void {
  const { tree, metrics } = parseLayout(text);
  showLayout({ tree, base: null, changed: true });
  changeView({ layout: null, metrics, maximised: null });
  writeDraft({ layout: currentLayout(), base: null });
}

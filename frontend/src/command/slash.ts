/** Whether a key leads to the command line: `/` from everywhere but fields, Ctrl+K also from there; not from dialogs. */
export function leadsToLine(event: KeyboardEvent): boolean {
  if (document.querySelector("dialog[open]")) return false;
  if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() === "k";
  return event.key === "/" && !event.altKey && !document.activeElement?.matches("input, textarea, select");
}

export const PLACEHOLDER = "/ to type: function, run or metric · HELP";

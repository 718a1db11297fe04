import { keep, recall } from "../state/memory";
import { type LayoutDocument, readLayout } from "./document";

const DRAFT_KEY = "stepwire.layout";

/** A layout that nobody saved yet, kept in this browser. */
export interface Draft {
  layout: LayoutDocument;
  /** Name of the saved layout that it came from. */
  base: string | null;
}

/** What the last visit left; null when there is nothing, or nothing that can be read. */
export function readDraft(): Draft | null {
  try {
    const found = JSON.parse(recall(DRAFT_KEY) ?? "null");
    if (found === null) return null;
    return { layout: readLayout(found.layout), base: typeof found.base === "string" ? found.base : null };
  } catch {
    // Of another version, or written by somebody else: the page starts with the default.
    return null;
  }
}

export function writeDraft(draft: Draft | null): void {
  keep(DRAFT_KEY, draft && JSON.stringify(draft));
}

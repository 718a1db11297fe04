import { formatAddress } from "../state/address";
import { readView } from "../state/view";

/** A line in the page's address (`#/…?go=LOSS%201K`), taken out of it at once; null when there is none. */
export function takeLine(): string | null {
  const [path = "", query = ""] = window.location.hash.split(/\?(.*)/s);
  const given = new URLSearchParams(query);
  const line = given.get("go");
  if (line === null) return null;
  given.delete("go");
  const rest = given.toString();
  window.history.replaceState(window.history.state, "", `${path}${rest ? `?${rest}` : ""}`);
  return line;
}

/** The address that does a line in the view that is open now. */
export function linkOf(line: string): string {
  const now = formatAddress(readView());
  return `${now}${now.includes("?") ? "&" : "?"}go=${encodeURIComponent(line)}`;
}

import { sharedAddress } from "../../state/view";
import { copyText } from "../ui/clipboard";

/** Copy the address of this view, with the selected run in it. Returns whether the browser allowed it. */
export function copyLink(selected: string | null): Promise<boolean> {
  return copyText(sharedAddress(selected));
}

/** Open the page again with an access token, which the page takes out of the address at once. */
export function enterWith(token: string): void {
  window.location.hash = `t=${encodeURIComponent(token)}`;
  window.location.reload();
}

import { copyText } from "../ui/clipboard";

/** Copy the address of this view; its run stands in it. Returns whether the browser allowed it. */
export function copyLink(): Promise<boolean> {
  return copyText(window.location.href);
}

/** Open the page again with an access token, which the page takes out of the address at once. */
export function enterWith(token: string): void {
  window.location.hash = `t=${encodeURIComponent(token)}`;
  window.location.reload();
}

/** Keys that mean something to the whole screen: a character, or a function key. */
const MEANT = /^(.|F\d+)$/u;
const OWN = "input, textarea, select, [contenteditable='true'], dialog *";

/**
 * Let a key that nothing in a panel's own window has a use for do what it does in the page. Esc stays: what it would
 * leave is on the page. Where the browser lets it, the page comes to the front when it took the key.
 */
export function passOn(event: KeyboardEvent): void {
  const { key, code, shiftKey, ctrlKey, metaKey, altKey } = event;
  if (event.defaultPrevented || !MEANT.test(key) || (event.target as Element).matches(OWN)) return;
  // The page goes by its own focus: a field there would take the key, and a panel there be the one that is meant.
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  const again = new KeyboardEvent("keydown", { key, code, shiftKey, ctrlKey, metaKey, altKey, cancelable: true });
  if (window.dispatchEvent(again)) return;
  event.preventDefault();
  if (document.activeElement !== document.body) window.focus();
}

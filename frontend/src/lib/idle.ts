/** Wait until the page has nothing else to do, but no longer than so many milliseconds. */
export function idle(timeout?: number): Promise<void> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === "undefined") setTimeout(resolve, 0);
    else requestIdleCallback(() => resolve(), timeout === undefined ? {} : { timeout });
  });
}

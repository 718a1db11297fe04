/** Call one of several: what it throws is told where the browser tells of errors, and stops none of the others. */
export function apart(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    reportError(error);
  }
}

/** What this browser keeps under a name; null when there is nothing, or when it lets nobody read. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Have this browser keep a text, or none. One that is full or keeps nothing forgets it with the page. */
export function keep(key: string, text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Nothing that was done depends on it.
  }
}

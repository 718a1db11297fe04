/** A text that means more names than one: `layer.*\/grad_norm`, `layer.?`. */
export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}

/**
 * Whether a name is meant: by a regular expression between slashes (`/^val.*loss$/`), a glob, which has to fit the
 * whole name, or any part of it. In any case; null when the expression is none.
 */
export function matcherOf(text: string): ((name: string) => boolean) | null {
  const expression = /^\/(.+)\/$/s.exec(text)?.[1];
  if (expression !== undefined) {
    const regular = regularOf(expression);
    return regular && ((name) => regular.test(name));
  }
  if (isGlob(text)) {
    const glob = new RegExp(`^${[...text].map(globPart).join("")}$`, "is");
    return (name) => glob.test(name);
  }
  const part = text.toLowerCase();
  return (name) => name.toLowerCase().includes(part);
}

/** The names that one of the patterns means, each once, in their order; all without a pattern. */
export function meant(names: readonly string[], patterns: readonly string[]): readonly string[] {
  if (patterns.length === 0) return names;
  const matchers = patterns.map(matcherOf).filter((matcher) => matcher !== null);
  return names.filter((name) => matchers.some((matches) => matches(name)));
}

function regularOf(expression: string): RegExp | null {
  try {
    return new RegExp(expression, "i");
  } catch {
    return null; // still being typed
  }
}

function globPart(character: string): string {
  if (character === "*") return ".*";
  return character === "?" ? "." : character.replace(/[.+^${}()|[\]\\/]/, "\\$&");
}

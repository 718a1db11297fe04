const KEY = "stepwire.bindings";

/** Keys that stand for a line until somebody says else. */
export const USUAL: Readonly<Record<string, string>> = {
  a: "ATTN",
  e: "EMA",
  L: "LOGY",
  o: "LOG",
  s: "SPIKE",
  v: "LAST",
  z: "ZOOM",
  "[": "100",
  "]": "ALL",
};

/** Keys of the screen itself, which stay what they are. */
const TAKEN = new Set(["/", "?", "g", "l", "m", "p", "y"]);

let bound: Readonly<Record<string, string>> | null = null;

/** The line that each key stands for. */
export function bindings(): Readonly<Record<string, string>> {
  bound ??= { ...USUAL, ...stored() };
  return bound;
}

/** Let a key stand for a line; an empty one frees it. Returns why it can't, or null. */
export function bind(key: string, line: string): string | null {
  if ([...key].length !== 1 || /\s/.test(key)) return "KEY takes one key: KEY q CKPT.";
  if (TAKEN.has(key)) return `${key} is a key of the screen.`;
  const own = { ...stored(), [key]: line };
  localStorage.setItem(KEY, JSON.stringify(own));
  bound = null;
  return null;
}

function stored(): Record<string, string> {
  try {
    const told = JSON.parse(localStorage.getItem(KEY) ?? "{}") as object;
    return Object.fromEntries(Object.entries(told ?? {}).filter((pair) => typeof pair[1] === "string"));
  } catch {
    return {}; // somebody else wrote there
  }
}

/** The key that stands for a line; undefined when none does. */
export function keyOf(line: string): string | undefined {
  return Object.entries(bindings()).find(([, each]) => each.toUpperCase() === line)?.[0];
}

import type { KeyboardEvent } from "react";
import type { Console } from "../../state/console";
import type { Scroll } from "./useScroll";

interface ConsoleKeys {
  log: Console;
  scroll: Scroll;
  current: number | null;
  setCurrent(place: number | null): void;
  /** Enter. */
  choose(place: number): void;
  hit(by: 1 | -1): void;
  find(): void;
  wrap(): void;
}

/** Walking through the lines by keyboard. */
export function useConsoleKeys({ log, scroll, current, setCurrent, choose, hit, find, wrap }: ConsoleKeys) {
  const walk = (by: 1 | -1) => () => {
    const from = startOf(scroll, current, log.lines.total);
    const [row] = (by > 0 ? log.lines.after(from + 1, 1) : log.lines.before(from, 1)).rows;
    if (row === undefined) return;
    setCurrent(row.place);
    scroll.show(row.place);
  };
  const keys = new Map<string, () => void>([
    ["j", walk(1)],
    ["ArrowDown", walk(1)],
    ["k", walk(-1)],
    ["ArrowUp", walk(-1)],
    ["PageDown", () => scroll.page(1)],
    ["PageUp", () => scroll.page(-1)],
    ["Home", () => scroll.turnTo(log.lines.first)],
    ["End", scroll.follow],
    ["n", () => hit(1)],
    ["N", () => hit(-1)],
    ["f", find],
    ["w", wrap],
  ]);
  if (current !== null) {
    keys.set("Enter", () => choose(current));
    keys.set("Escape", () => setCurrent(null));
  }
  return (event: KeyboardEvent) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys.get(event.key);
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
}

/** Where walking starts: at the line that was walked to, or, when that is out of sight, at what is seen. */
function startOf({ rows, following }: Scroll, current: number | null, total: number): number {
  if (current !== null && rows.some((row) => row.place === current)) return current;
  return following ? total : (rows[0]?.place ?? 0) - 1;
}

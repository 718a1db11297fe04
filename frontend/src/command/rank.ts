/** How well a text answers what was typed: higher is better; null when it does not at all. */
export function rank(typed: string, text: string): number | null {
  const [wanted, given] = [typed.toLowerCase(), text.toLowerCase()];
  if (wanted === "") return 0;
  if (given === wanted) return 1000;
  if (given.startsWith(wanted)) return 800 - Math.min(200, given.length - wanted.length);
  const within = given.indexOf(wanted);
  if (within >= 0) return (startsWord(given, within) ? 500 : 400) - Math.min(100, within);
  return scattered(wanted, given);
}

function startsWord(text: string, at: number): boolean {
  return at === 0 || !/[a-z0-9]/.test(text[at - 1] as string);
}

/** The letters in their order with others between; those at the beginning of words count more. */
function scattered(wanted: string, given: string): number | null {
  let at = -1;
  let score = 200;
  for (const letter of wanted) {
    if (letter === " ") continue;
    const next = given.indexOf(letter, at + 1);
    if (next < 0) return null;
    if (startsWord(given, next)) score += 10;
    score -= Math.min(20, next - at - 1);
    at = next;
  }
  return Math.max(1, score);
}

/** The best answers first, at most `most`. */
export function best<Item>(
  typed: string,
  items: Iterable<Item>,
  textOf: (item: Item) => string,
  most: number,
): { item: Item; score: number }[] {
  const found: { item: Item; score: number }[] = [];
  for (const item of items) {
    const score = rank(typed, textOf(item));
    if (score !== null) found.push({ item, score });
  }
  return found.sort((left, right) => right.score - left.score).slice(0, most);
}

/** How many letters have to change, or to swap with the next one, to make one word of the other (Damerau, Levenshtein). */
export function distance(left: string, right: string): number {
  let [before, row] = [[] as number[], Array.from({ length: right.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      let cost = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) cost = Math.min(cost, (before[j - 2] as number) + 1);
      next.push(cost);
    }
    [before, row] = [row, next];
  }
  return row[right.length] as number;
}

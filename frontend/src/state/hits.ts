import { type LineFilter, placeOf } from "../live/lines";
import { ApiError, type Client } from "../services/api";
import type { LogLine } from "../services/types";
import { readLines } from "./console";

/** More hits than that nobody steps through; they are counted as `10,000+`. */
export const MOST_HITS = 10_000;
const PAGE = 2_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with this character
const COLOURS = /\x1b\[[0-9;:]*m/g;

/** The lines of a run that hold a text, found by the server from the first to the last. */
export class Hits {
  /** Places of the lines, in order. */
  places: readonly number[] = [];
  /** All lines were looked through, or there are too many hits. */
  done = false;
  /** There are more than `places` has. */
  more = false;
  error: string | null = null;
  private stopped = false;

  constructor(
    private readonly client: Client,
    private readonly runId: string,
    private readonly filter: LineFilter,
    readonly text: string,
    private readonly changed: () => void,
  ) {}

  /** Look through all lines; the result ends it. */
  start(): () => void {
    void this.scan();
    return () => {
      this.stopped = true;
    };
  }

  /** Take lines that were printed meanwhile. */
  add(lines: readonly LogLine[]): void {
    const found = lines.filter((line) => plain(line.text).toLowerCase().includes(this.text.toLowerCase()));
    if (found.length > 0) this.keep(found);
  }

  private async scan(): Promise<void> {
    for (let from = 0; !this.stopped && !this.done; ) {
      try {
        const query = { from, limit: PAGE, q: this.text };
        const answer = await readLines(this.client, this.runId, this.filter, query);
        if (this.stopped) return;
        this.keep(answer.lines);
        from = answer.next;
        this.more = answer.more && this.places.length >= MOST_HITS;
        this.done = !answer.more || this.more;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.error = error.message;
        this.done = true;
      }
      this.changed();
    }
  }

  private keep(lines: readonly LogLine[]): void {
    const places = new Set([...this.places, ...lines.map(placeOf)]);
    this.places = [...places].sort((left, right) => left - right).slice(0, MOST_HITS);
  }
}

/** A line's text without its colours. */
export function plain(text: string): string {
  return text.replace(COLOURS, "");
}

/** Index of the hit after a place, or before it; around the ends. */
export function hitBeside(places: readonly number[], place: number, by: 1 | -1): number {
  const found = by > 0 ? places.findIndex((each) => each > place) : places.findLastIndex((each) => each < place);
  return found >= 0 ? found : by > 0 ? 0 : places.length - 1;
}

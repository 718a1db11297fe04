import type { LogAnswer, LogLine } from "../services/types";

/** Lines are read and forgotten in blocks of so many numbers. */
export const BLOCK = 500;
/** Lines kept in memory; those farthest from the view go first. */
const MOST_LINES = 20_000;
/** An answer has at most so many lines. */
const MOST_ASKED = 10_000;
/** Where few lines are wanted, more numbers are asked for at once. */
const MOST_BLOCKS = 4096;

/** Which lines are shown; `null` is all. */
export interface LineFilter {
  stream: LogLine["stream"] | null;
  levels: readonly NonNullable<LogLine["level"]>[] | null;
  rank: number | null;
}

export const ALL_LINES: LineFilter = { stream: null, levels: null, rank: null };

/** One row of the screen. The line is null while it is on its way. */
export interface Row {
  place: number;
  line: LogLine | null;
}

/** Lines to ask for. */
export interface Missing {
  from: number;
  limit: number;
}

export interface Walk {
  /** In their order. */
  rows: Row[];
  /** What has to be read to fill in the first row that is not there; null: all are there. */
  missing: Missing | null;
}

/** The lines whose places are in one block, as far as they are known. */
interface Block {
  lines: LogLine[];
  /** Number up to which all is known. */
  end: number;
}

/**
 * Lines of a run, here and there between the first and the last, each at its place: its number, or that of the line
 * it replaces. Numbers without a line of their own, as the later states of a progress bar, take no row.
 */
export class Lines {
  /** Number of the first line that the server still has. */
  first = 0;
  /** How many were printed so far. */
  total = 0;
  private readonly blocks = new Map<number, Block>();

  constructor(private readonly filter: LineFilter = ALL_LINES) {}

  /** Take an answer to a question for the lines from a number on. */
  take(answer: LogAnswer, asked: number): void {
    const from = Math.max(answer.first, asked < 0 ? answer.total + asked : asked);
    this.first = answer.first;
    this.total = Math.max(this.total, answer.total);
    const own = answer.lines
      .filter((line) => placeOf(line) >= from)
      .sort((left, right) => placeOf(left) - placeOf(right));
    for (const line of answer.lines) if (placeOf(line) < from) this.replace(line);
    let at = 0;
    for (let start = from; start < answer.next; start = blockEnd(start)) {
      const end = Math.min(blockEnd(start), answer.next);
      const begin = at;
      while (at < own.length && placeOf(own[at] as LogLine) < end) at += 1;
      this.extend(start, end, own.slice(begin, at));
    }
  }

  /** Take lines as they are printed; those known already change nothing. */
  append(lines: readonly LogLine[]): void {
    for (const line of lines) {
      const passes = this.passes(line);
      this.total = Math.max(this.total, line.line + 1);
      if (line.replaces != null && passes) this.replace(line);
      this.extend(line.line, line.line + 1, passes && line.replaces == null ? [line] : []);
    }
  }

  /** Rows from a place on, downwards. */
  after(place: number, count: number): Walk {
    const walk: Walk = { rows: [], missing: null };
    for (let at = Math.max(place, this.first); at < this.total && walk.rows.length < count; ) {
      const stop = Math.min(blockEnd(at), this.total);
      const known = this.blocks.get(blockOf(at));
      for (const line of linesIn(known, at, stop)) push(walk, placeOf(line), line, count);
      const end = Math.max(at, known?.end ?? blockStart(at));
      if (end < stop) walk.missing ??= { from: known?.end ?? Math.max(blockStart(at), this.first), limit: BLOCK };
      for (let missing = end; missing < stop; missing++) push(walk, missing, null, count);
      at = stop;
    }
    return walk;
  }

  /** The last rows before a place. */
  before(place: number, count: number): Walk {
    const walk: Walk = { rows: [], missing: null };
    let empty = 0;
    for (let stop = Math.min(place, this.total); stop > this.first && walk.rows.length < count; ) {
      const start = Math.max(blockStart(stop - 1), this.first);
      const known = this.blocks.get(blockOf(start));
      const end = Math.max(start, known?.end ?? start);
      for (let missing = stop - 1; missing >= end; missing--) push(walk, missing, null, count);
      if (end < stop) walk.missing ??= this.missingBefore(start, empty);
      const lines = linesIn(known, start, stop);
      for (const line of lines.toReversed()) push(walk, placeOf(line), line, count);
      empty = lines.length > BLOCK / 50 ? 0 : empty + 1;
      stop = start;
    }
    walk.rows.reverse();
    return walk;
  }

  /** The line at a place; null when it is not known. */
  at(place: number): LogLine | null {
    const block = this.blocks.get(blockOf(place));
    return block?.lines.find((line) => placeOf(line) === place) ?? null;
  }

  /** Ranks of the lines that are known. */
  ranks(): number[] {
    const found = new Set<number>();
    for (const { lines } of this.blocks.values()) for (const line of lines) found.add(line.rank ?? 0);
    return [...found].sort((left, right) => left - right);
  }

  /** Forget the lines farthest from a place when there are too many. */
  forget(place: number): void {
    let count = 0;
    for (const block of this.blocks.values()) count += block.lines.length;
    if (count <= MOST_LINES) return;
    const here = blockOf(place);
    const far = [...this.blocks].sort(([left], [right]) => Math.abs(right - here) - Math.abs(left - here));
    for (const [number, block] of far) {
      if (count <= MOST_LINES) return;
      count -= block.lines.length;
      this.blocks.delete(number);
    }
  }

  private passes({ stream, level = "info", rank = 0 }: LogLine): boolean {
    const { filter } = this;
    return (
      (filter.stream === null || stream === filter.stream) &&
      (filter.levels === null || filter.levels.includes(level)) &&
      (filter.rank === null || rank === filter.rank)
    );
  }

  /** All numbers from `start` up to `end`, which are of one block, are known: these lines and no others. */
  private extend(start: number, end: number, lines: readonly LogLine[]): void {
    const number = blockOf(start);
    const known = this.blocks.get(number);
    if (known === undefined) {
      // A block is known from its first number on; the middle alone says nothing of what is before.
      if (start <= Math.max(blockStart(start), this.first)) this.blocks.set(number, { lines: [...lines], end });
      return;
    }
    if (start > known.end || end <= known.end) return;
    known.lines = [...known.lines, ...lines.filter((line) => placeOf(line) >= known.end)];
    known.end = end;
  }

  /** A line takes the place of another one. */
  private replace(line: LogLine): void {
    const block = this.blocks.get(blockOf(placeOf(line)));
    if (block === undefined || placeOf(line) >= block.end) return;
    const at = block.lines.findIndex((each) => placeOf(each) >= placeOf(line));
    const known = at < 0 ? undefined : block.lines[at];
    const same = known !== undefined && placeOf(known) === placeOf(line);
    if (same && known.time > line.time) return;
    const kept = line.text === "" ? [] : [line];
    block.lines = block.lines.toSpliced(at < 0 ? block.lines.length : at, same ? 1 : 0, ...kept);
  }

  /** Ask for more at once where the blocks before had few lines, but for nothing that is known. */
  private missingBefore(start: number, empty: number): Missing {
    const known = this.blocks.get(blockOf(start));
    if (known !== undefined) return { from: known.end, limit: BLOCK };
    const span = Math.min(MOST_BLOCKS, 4 ** Math.min(empty, 8));
    let block = blockOf(start);
    while (block > blockOf(this.first) && blockOf(start) - block + 1 < span && !this.blocks.has(block - 1)) block -= 1;
    const from = Math.max(block * BLOCK, this.first);
    return { from, limit: Math.min(MOST_ASKED, (blockOf(start) - block + 1) * BLOCK) };
  }
}

export function placeOf(line: LogLine): number {
  return line.replaces ?? line.line;
}

function blockOf(place: number): number {
  return Math.floor(place / BLOCK);
}

function blockStart(place: number): number {
  return blockOf(place) * BLOCK;
}

function blockEnd(place: number): number {
  return (blockOf(place) + 1) * BLOCK;
}

function linesIn(block: Block | undefined, from: number, to: number): LogLine[] {
  return block === undefined ? [] : block.lines.filter((line) => placeOf(line) >= from && placeOf(line) < to);
}

function push({ rows }: Walk, place: number, line: LogLine | null, most: number): void {
  if (rows.length < most) rows.push({ place, line });
}

import type { Feed } from "../live/feed";
import { BLOCK, type LineFilter, Lines, type Missing, placeOf } from "../live/lines";
import { ApiError, answerOf, type Client } from "../services/api";
import type { LogAnswer, LogLine, ServerMessage } from "../services/types";

const RETRY_MS = 3_000;
/** At the end as many lines are read as a screen holds, and the block before. */
const TAIL = 2 * BLOCK;

export type LineQuery = { from: number; limit: number; q?: string };

/** Ask for lines of a run that pass the filter. */
export async function readLines(
  client: Client,
  runId: string,
  { stream, levels, rank }: LineFilter,
  query: LineQuery,
): Promise<LogAnswer> {
  const asked = {
    ...query,
    ...(stream === null ? {} : { stream: [stream] }),
    ...(levels === null ? {} : { level: [...levels] }),
    ...(rank === null ? {} : { rank: [rank] }),
  };
  const params = { path: { run_id: runId }, query: asked };
  return answerOf(client.GET("/api/runs/{run_id}/logs", { params }));
}

/** What a run prints, live: read where somebody looks, pushed at the end. */
export class Console {
  readonly lines: Lines;
  /** Grows with each change. */
  version = 0;
  /** The first answer is there. */
  ready = false;
  /** Why lines could not be read, when the server refuses them. */
  error: string | null = null;
  private reading = false;
  private again = false;
  private stopped = false;
  private readonly listeners = new Set<() => void>();
  private readonly printed = new Set<(lines: readonly LogLine[]) => void>();

  constructor(
    private readonly client: Client,
    private readonly feed: Feed,
    private readonly runId: string,
    private readonly filter: LineFilter,
  ) {
    this.lines = new Lines(filter);
  }

  /** Subscribe, then read; the result ends it. */
  start(): () => void {
    this.stopped = false;
    const ends = [
      this.feed.onMessage((message) => this.hear(message)),
      this.feed.onReopen(() => this.readEnd()),
      this.feed.onPause(() => this.changed()),
      this.feed.watchLogs(this.runId),
    ];
    this.readEnd();
    return () => {
      this.stopped = true;
      for (const end of ends) end();
    };
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Be told of lines as they are printed. */
  onPrinted(listener: (lines: readonly LogLine[]) => void): () => void {
    this.printed.add(listener);
    return () => this.printed.delete(listener);
  }

  /** Read what a walk lacks. One question at a time: who still lacks something after the answer asks again. */
  want(missing: Missing): void {
    if (!this.reading && this.error === null) void this.read(missing.from, missing.limit);
  }

  /** The place of the last line that was printed before a time; null: before all lines, or it can't be read. */
  async placeBefore(time: number): Promise<number | null> {
    let { first: low, total: high } = this.lines;
    try {
      while (high - low > BLOCK) {
        const middle = Math.floor((low + high) / 2);
        const [line] = (await this.ask(middle, 1)).lines;
        if (line !== undefined && line.time < time) low = middle;
        else high = middle;
      }
      const { lines } = await this.ask(low, BLOCK);
      const found = lines.findLast((line) => line.time < time);
      return found === undefined ? null : placeOf(found);
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  private ask(from: number, limit: number): Promise<LogAnswer> {
    return readLines(this.client, this.runId, this.filter, { from, limit });
  }

  private readEnd(): void {
    if (this.reading) this.again = true;
    else void this.read(-TAIL, TAIL);
  }

  private async read(from: number, limit: number): Promise<void> {
    this.reading = true;
    try {
      this.lines.take(await this.ask(from, limit), from);
      this.error = null;
      this.ready = true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isRefusal) this.error = error.message;
      else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      this.again ||= !error.isRefusal && !this.ready;
    }
    this.reading = false;
    if (this.stopped) return;
    const { again } = this;
    this.again = false;
    if (again) this.readEnd();
    this.changed();
  }

  private hear(message: ServerMessage): void {
    if (message.type === "log" && message.run_id === this.runId) this.print(message.lines);
    else if (message.type === "resync" && message.run_id === this.runId) this.readEnd();
  }

  private print(lines: readonly LogLine[]): void {
    this.lines.append(lines);
    for (const listener of this.printed) listener(lines);
    this.changed();
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

import type { QueryCacheNotifyEvent, QueryClient } from "@tanstack/react-query";
import { onBeat } from "../live/beat";
import { isSampled, progressOf } from "../live/decode";
import { ALL_RUNS, type Feed } from "../live/feed";
import { answerOf, type Client } from "../services/api";
import type { Command, HostStatus, LogEvent, MetricUpdate, Run, ServerMessage } from "../services/types";
import {
  CHECKPOINTS,
  checkpointsKey,
  commandsKey,
  EVENTS,
  type EventFilter,
  RUNS,
  runKey,
  SYSTEM,
  SYSTEM_HISTORY,
} from "./keys";
import {
  type Change,
  type EventPages,
  further,
  type HostLines,
  MAX_EVENTS,
  type Progress,
  progressed,
  type RunPage,
  withChanges,
  withEvent,
  withoutRuns,
  withRun,
  withSample,
} from "./merge";

type Message<Type> = Extract<ServerMessage, { type: Type }>;
type Handlers = { [Type in ServerMessage["type"]]?: (message: Message<Type>) => void };

/** Keeps the cached answers of REST true to what the socket tells, so that nothing is ever polled. */
export class Patches {
  private readonly ends: (() => void)[] = [];
  private readonly progress = new Map<string, Progress>();
  /** Events that came while a log was being read. */
  private meanwhile: LogEvent[] = [];

  constructor(
    private readonly queries: QueryClient,
    private readonly client: Client,
    private readonly feed: Feed,
  ) {}

  start(): void {
    this.ends.push(
      this.feed.onMessage((message) => this.apply(message)),
      this.feed.onReopen(() => void this.queries.invalidateQueries()),
      this.queries.getQueryCache().subscribe((news) => this.eventsRead(news)),
    );
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
    this.progress.clear();
  }

  private readonly handlers: Handlers = {
    subscribed: (message) => this.readList(message.run_id),
    metric_update: (message) => this.noteProgress(message),
    run_created: (message) => void this.readRun(message.run_id),
    status_change: (message) => this.changeStatus(message),
    run_deleted: (message) => this.removeRun(message.run_id),
    checkpoint_saved: (message) => void this.queries.invalidateQueries({ queryKey: checkpointsKey(message.run_id) }),
    event: (message) => this.addEvent(message),
    command: (message) => this.setCommand(message),
    system_update: (message) => this.setHost(message.host),
  };

  private apply(message: ServerMessage): void {
    const handle = this.handlers[message.type] as ((message: ServerMessage) => void) | undefined;
    handle?.(message);
  }

  /** From here on every run is told of: one that appeared after the list was read is found by reading it again. */
  private readList(runId: string): void {
    if (runId !== ALL_RUNS) return;
    void this.queries.invalidateQueries({ queryKey: RUNS });
    void this.queries.invalidateQueries({ queryKey: EVENTS });
  }

  /** The status at once; what else came with it (end, reason, summary) is read. */
  private changeStatus(message: Message<"status_change">): void {
    const { new_status: status, health = "ok", reason = null } = message;
    this.patchRun(message.run_id, { status, health, reason });
    void this.readRun(message.run_id);
  }

  /** Steps come many times a second; the list takes them at the page's beat, all runs together. */
  private noteProgress(update: MetricUpdate): void {
    const progress = progressOf(update);
    if (progress === null) return;
    const { step, time } = progress;
    const news = Object.entries(update.metrics).filter(([name]) => !isSampled(name));
    if (this.progress.size === 0) onBeat(() => this.flushProgress());
    this.progress.set(update.run_id, {
      step,
      time: time === null ? null : new Date(time / 1000).toISOString(),
      values: { ...this.progress.get(update.run_id)?.values, ...Object.fromEntries(news) },
    });
  }

  private flushProgress(): void {
    const changes = [...this.progress].map(([id, progress]) => [id, (run: Run) => progressed(run, progress)] as const);
    this.progress.clear();
    this.change(new Map(changes));
  }

  private patchRun(id: string, change: Partial<Run>): void {
    this.change(new Map([[id, (run: Run) => ({ ...run, ...change })]]));
    this.overtake();
  }

  private change(changes: ReadonlyMap<string, Change>): void {
    const page = this.queries.getQueryData<RunPage>(RUNS);
    const next = page && withChanges(page, changes);
    // Whoever holds the list looks at all of it when it is another one.
    if (next !== page) this.queries.setQueryData<RunPage>(RUNS, next);
    for (const [id, change] of changes) this.queries.setQueryData<Run>(runKey(id), (run) => run && change(run));
  }

  /** A list that is on its way may be older than what came meanwhile, and would take its place: it is read anew. */
  private overtake(): void {
    if (this.queries.isFetching({ queryKey: RUNS, exact: true }) === 0) return;
    void this.queries.invalidateQueries({ queryKey: RUNS, exact: true });
  }

  private async readRun(id: string): Promise<void> {
    const run = await answerOf(this.client.GET("/api/runs/{run_id}", { params: { path: { run_id: id } } })).catch(
      () => null,
    );
    if (run === null) {
      // Deleted meanwhile, or the server left: the whole list is read again, which retries and shows errors.
      await this.queries.invalidateQueries({ queryKey: RUNS });
      return;
    }
    this.feed.seed([run]);
    this.queries.setQueryData<RunPage>(RUNS, (page) => page && withRun(page, run));
    this.queries.setQueryData<Run>(runKey(id), run);
    this.overtake();
  }

  private removeRun(id: string): void {
    this.feed.forget(id);
    this.queries.setQueryData<RunPage>(RUNS, (page) => page && withoutRuns(page, [id]));
    this.overtake();
    this.queries.setQueryData(runKey(id), null);
    this.queries.removeQueries({ queryKey: [...CHECKPOINTS, id] });
  }

  /** What came while a log was being read may not be in what was read. */
  private addEvent(event: LogEvent): void {
    if (this.queries.isFetching({ queryKey: EVENTS }) > 0)
      this.meanwhile = [...this.meanwhile, event].slice(-MAX_EVENTS);
    this.placeEvent(event);
  }

  private eventsRead(news: QueryCacheNotifyEvent): void {
    if (news.type !== "updated" || news.query.queryKey[0] !== EVENTS[0]) return;
    if (news.action.type !== "success" || news.action.manual) return;
    for (const event of this.meanwhile) this.placeEvent(event);
    if (this.queries.isFetching({ queryKey: EVENTS }) === 0) this.meanwhile = [];
  }

  private placeEvent(event: LogEvent): void {
    for (const [key] of this.queries.getQueriesData<EventPages>({ queryKey: EVENTS })) {
      const filter = (key[1] ?? {}) as EventFilter;
      if (filter.runId !== undefined && filter.runId !== event.run_id) continue;
      if (filter.levels !== undefined && !filter.levels.includes(event.level)) continue;
      this.queries.setQueryData<EventPages>(key, (pages) => pages && withEvent(pages, event, MAX_EVENTS));
    }
  }

  private setCommand(command: Command): void {
    this.queries.setQueryData<Command[]>(commandsKey(command.run_id), (known) => {
      if (known === undefined) return undefined;
      const isNew = !known.some((each) => each.id === command.id);
      return isNew
        ? [...known, command]
        : known.map((each) => (each.id === command.id ? further(each, command) : each));
    });
  }

  private setHost(status: HostStatus): void {
    this.queries.setQueryData<HostStatus[]>(SYSTEM, (hosts) => {
      if (hosts === undefined) return undefined;
      const isNew = !hosts.some((each) => each.host === status.host);
      return isNew ? [...hosts, status] : hosts.map((each) => (each.host === status.host ? status : each));
    });
    for (const [key] of this.queries.getQueriesData<HostLines>({ queryKey: [...SYSTEM_HISTORY, status.host] })) {
      this.queries.setQueryData<HostLines>(key, (lines) => lines && withSample(lines, status));
    }
  }
}

import { notifyManager, QueryCache, QueryClient } from "@tanstack/react-query";
import { Feed } from "../live/feed";
import { ApiError, baseAddress, type Client, createApi, openSession } from "../services/api";
import { Patches } from "./patches";

// Together with all else that the same message or beat leads to; otherwise it is drawn by itself afterwards.
notifyManager.setScheduler(queueMicrotask);

/** What the page has once: client, cache of REST answers, socket and store; and whether the server lets it in. */
export class Live {
  readonly client: Client;
  readonly queries: QueryClient;
  readonly feed: Feed;
  private refused = false;
  private readonly listeners = new Set<() => void>();

  constructor(base: string = baseAddress()) {
    this.client = createApi(base);
    this.queries = new QueryClient({
      queryCache: new QueryCache({
        onError: (error) => this.letIn(!(error instanceof ApiError && error.status === 401)),
        onSuccess: () => this.letIn(true),
      }),
      // What changes is pushed; nothing is asked again because a window got the focus or time went by.
      defaultOptions: {
        queries: { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, retry, retryDelay },
      },
    });
    this.feed = new Feed(this.client, base);
  }

  get unauthorised(): boolean {
    return this.refused || this.feed.refused?.status === 401;
  }

  /** Swap a token in the address for a cookie, then open the socket; the result ends it. */
  start(): () => void {
    const patches = new Patches(this.queries, this.client, this.feed);
    let stopped = false;
    void openSession(this.client).finally(() => {
      if (stopped) return;
      patches.start();
      this.feed.start();
      void this.queries.invalidateQueries();
    });
    return () => {
      stopped = true;
      patches.stop();
      this.feed.stop();
    };
  }

  onAccess(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private letIn(allowed: boolean): void {
    if (this.refused === !allowed) return;
    this.refused = !allowed;
    for (const listener of this.listeners) listener();
  }
}

function retry(failures: number, error: Error): boolean {
  return !(error instanceof ApiError && error.isRefusal) && failures < 100;
}

function retryDelay(failures: number): number {
  return Math.min(10_000, 500 * 2 ** failures);
}

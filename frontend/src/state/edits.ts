import type { QueryClient } from "@tanstack/react-query";
import type { Feed } from "../live/feed";
import { ApiError, answerOf, type Client } from "../services/api";
import type { components } from "../services/schema.gen";
import type { Run } from "../services/types";
import { checkpointsKey, RUNS, runKey } from "./keys";
import { type RunPage, withoutRuns, withRun } from "./merge";

type Changes = components["schemas"]["RunChanges"];

const AT_ONCE = 6;

/** Changes runs on the server, and has the cached answers tell of it at once. */
export class RunEdits {
  constructor(
    private readonly client: Client,
    private readonly queries: QueryClient,
    private readonly feed: Feed,
  ) {}

  async markBest(checkpointId: string): Promise<void> {
    const path = { checkpoint_id: checkpointId };
    const marked = await answerOf(this.client.POST("/api/checkpoints/{checkpoint_id}/best", { params: { path } }));
    await this.queries.invalidateQueries({ queryKey: checkpointsKey(marked.run_id) });
  }

  async change(id: string, changes: Changes): Promise<void> {
    const params = { path: { run_id: id } };
    this.take(await answerOf(this.client.PUT("/api/runs/{run_id}", { params, body: changes })));
  }

  delete(ids: readonly string[]): Promise<void> {
    return each(ids, "deleted", async (id) => {
      await answerOf(this.client.DELETE("/api/runs/{run_id}", { params: { path: { run_id: id } } })).catch(unlessGone);
      this.queries.setQueryData<RunPage>(RUNS, (page) => page && withoutRuns(page, [id]));
      this.queries.setQueryData(runKey(id), null);
    });
  }

  undelete(ids: readonly string[]): Promise<void> {
    return each(ids, "brought back", async (id) => {
      const params = { path: { run_id: id } };
      await answerOf(this.client.POST("/api/runs/{run_id}/undelete", { params }));
      this.take(await answerOf(this.client.GET("/api/runs/{run_id}", { params })));
    });
  }

  private take(run: Run): void {
    this.feed.seed([run]);
    this.queries.setQueryData<RunPage>(RUNS, (page) => page && withRun(page, run));
    this.queries.setQueryData<Run>(runKey(run.id), run);
  }
}

/** What is gone already need not be deleted. */
function unlessGone(failure: unknown): void {
  if (!(failure instanceof ApiError && failure.status === 404)) throw failure;
}

/** Do something for all runs, a few at once, and tell at the end how many it failed for. */
async function each(ids: readonly string[], done: string, act: (id: string) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  const left = [...new Set(ids)];
  const total = left.length;
  const work = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      await act(id).catch((failure: unknown) => failures.push(failure));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, total) }, work));
  if (failures.length === 0) return;
  const [first] = failures;
  const reason = first instanceof Error ? first.message : String(first);
  throw new Error(total === 1 ? reason : `${failures.length} of ${total} runs could not be ${done}: ${reason}`);
}

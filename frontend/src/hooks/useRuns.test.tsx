import { notifyManager, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aRun } from "../components/fixtures";
import type { Run } from "../services/types";
import { RUNS } from "../state/keys";
import { type RunPage, withChanges } from "../state/merge";
import { useFoundRun, useRun, useRunFacts } from "./useRuns";
import { useSelection } from "./useSelection";

const state = vi.hoisted(() => ({ live: {}, runs: [] as Run[] }));

vi.mock("./LiveProvider", () => ({ useLive: () => state.live }));

let queries: QueryClient;

async function GET(path: string, { params }: { params: { path?: { run_id: string } } }) {
  const page = { runs: state.runs, counts: {}, next_cursor: null };
  const one = { ...state.runs[0], id: params.path?.run_id, name: "unlisted" };
  return { data: path === "/api/runs" ? page : one, response: new Response() };
}

// So that whoever listens has heard of a change once `act` is through.
notifyManager.setScheduler(queueMicrotask);

beforeEach(() => {
  window.location.hash = "";
  state.runs = [aRun({ id: "b", number: 2, name: "beta" }), aRun({ id: "a", name: "alpha", project: "other" })];
  queries = new QueryClient();
  state.live = { client: { GET }, queries, feed: { seed: () => undefined } };
});
afterEach(cleanup);

/** What a hook returns now, and how often it was called since the last look. */
async function watched<Result>(use: () => Result) {
  let drawn = 0;
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(
    () => {
      drawn += 1;
      return use();
    },
    { wrapper },
  );
  await waitFor(() => expect(queries.getQueryData(RUNS)).toBeDefined());
  await act(async () => undefined);
  return {
    now: () => result.current,
    count: () => {
      const count = drawn;
      drawn = 0;
      return count;
    },
  };
}

function change(id: string, changes: Partial<Run>) {
  const changed = new Map([[id, (run: Run) => ({ ...run, ...changes })]]);
  return act(async () => void queries.setQueryData<RunPage>(RUNS, (page) => page && withChanges(page, changed)));
}

test("who asks for one run is drawn again when that run changed, and not for another's step", async () => {
  const { now, count } = await watched(() => useRun("a"));
  expect(now()?.name).toBe("alpha");
  count();
  await change("b", { step: 101 });
  expect(count()).toBe(0);
  await change("a", { step: 7 });
  expect([now()?.step, count()]).toEqual([7, 1]);
});

test("a run that the list lacks is read by itself", async () => {
  const { now } = await watched(() => useRun("old"));
  await waitFor(() => expect(now()?.name).toBe("unlisted"));
});

test("who does not care for steps is drawn again only for all else", async () => {
  const { now, count } = await watched(useRunFacts);
  expect(now().map((run) => run.name)).toEqual(["beta", "alpha"]);
  count();
  await change("b", { step: 101 });
  await change("a", { step: 102, summary: {} });
  expect(count()).toBe(0);
  await change("b", { name: "gamma" });
  expect([now()[0]?.name, count()]).toEqual(["gamma", 1]);
});

test("steps leave the selection as it is; a run that ends makes place for one that runs", async () => {
  const { now, count } = await watched(useSelection);
  expect(now()).toMatchObject({ selected: "b", compared: ["b"] });
  count();
  await change("b", { step: 101 });
  expect(count()).toBe(0);
  await change("b", { status: "completed" });
  expect(now().selected).toBe("a");
});

test("a run is on its way until the list is there, and an unlisted one until it is read", async () => {
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const seen: (string | boolean)[] = [];
  const { result } = renderHook(
    () => {
      const found = useFoundRun("old");
      seen.push(found.run?.name ?? found.loading);
      return found;
    },
    { wrapper },
  );
  await waitFor(() => expect(result.current.run?.name).toBe("unlisted"));
  expect(new Set(seen)).toEqual(new Set([true, "unlisted"]));
});

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aRun } from "../components/fixtures";
import { useSurroundings } from "./useSurroundings";

const state = vi.hoisted(() => ({ answer: {}, live: {} }));

vi.mock("./LiveProvider", () => ({ useLive: () => state.live }));

const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
const wrapper = ({ children }: { children: ReactNode }) => (
  <QueryClientProvider client={queries}>{children}</QueryClientProvider>
);
const client = { GET: async () => state.answer };
const watched = () => renderHook(() => useSurroundings(aRun({ status: "completed" })), { wrapper }).result;

beforeEach(() => {
  queries.clear();
  state.live = { client };
});
afterEach(cleanup);

test("a run of which nobody told where it ran is no fault", async () => {
  state.answer = { response: new Response(null, { status: 204 }) };
  const result = watched();
  await waitFor(() => expect(result.current.loading).toBe(false));
  expect(result.current).toEqual({ surroundings: null, loading: false, error: null });
});

test("a refusal is told", async () => {
  state.answer = { error: { detail: "There is no such run." }, response: new Response(null, { status: 404 }) };
  const result = watched();
  await waitFor(() => expect(result.current.error).toBe("There is no such run."));
});

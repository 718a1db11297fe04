import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { meant } from "../lib/patterns";
import { useMeantNames, useNames } from "./useNames";

const state = vi.hoisted(() => ({ all: [] as string[], known: [] as string[], asked: [] as unknown[], live: {} }));

vi.mock("./LiveProvider", () => ({ useLive: () => state.live }));
vi.mock("./useLiveValue", () => ({ useMetricNames: () => state.known }));

const queries = new QueryClient();
const client = {
  GET: async (_: string, { params }: { params: { query: { q?: string; limit: number } } }) => {
    state.asked.push(params.query);
    const found = meant(state.all, params.query.q === undefined ? [] : [params.query.q]);
    const names = found.slice(0, params.query.limit);
    return { data: { run_id: "a", names, total: found.length, more: false }, response: { ok: true, status: 200 } };
  },
};

beforeEach(() => {
  queries.clear();
  state.live = { client, queries };
  state.all = ["layer.1/norm", "layer.2/norm", "loss", "val/loss"];
  state.known = [];
  state.asked = [];
});
afterEach(cleanup);

function Found({ q }: { q: string }) {
  const { names, total } = useNames("a", q, 2);
  return <p>{`${names.join(" ")} of ${total}`}</p>;
}

function Meant({ chosen }: { chosen: readonly string[] }) {
  return <p>{useMeantNames("a", chosen, 50).join(" ")}</p>;
}

const draw = (element: React.ReactNode) => <QueryClientProvider client={queries}>{element}</QueryClientProvider>;

test("names are asked of the server, which counts all that fit", async () => {
  render(draw(<Found q="o" />));
  await waitFor(() => expect(screen.getByText("layer.1/norm layer.2/norm of 4")).toBeTruthy());
  expect(state.asked[0]).toEqual({ q: "o", limit: 2 });
});

test("a metric that appears later is found", async () => {
  const { rerender } = render(draw(<Found q="loss" />));
  await waitFor(() => expect(screen.getByText("loss val/loss of 2")).toBeTruthy());
  state.all.push("test/loss");
  state.known = ["test/loss"];
  rerender(draw(<Found q="loss" />));
  await waitFor(() => expect(screen.getByText("loss val/loss of 3")).toBeTruthy());
});

test("names stay as they are, whether the run has them or not, without a question", () => {
  render(draw(<Meant chosen={["val/loss", "none"]} />));
  expect(screen.getByText("val/loss none")).toBeTruthy();
  expect(state.asked).toEqual([]);
});

test("globs become the names that fit, each once and in their order", async () => {
  render(draw(<Meant chosen={["loss", "layer.*/norm", "*loss"]} />));
  await waitFor(() => expect(screen.getByText("loss layer.1/norm layer.2/norm val/loss")).toBeTruthy());
});

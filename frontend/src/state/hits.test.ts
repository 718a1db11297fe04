import { beforeEach, expect, test, vi } from "vitest";
import { ALL_LINES } from "../live/lines";
import type { Client } from "../services/api";
import type { LogLine } from "../services/types";
import { Hits, hitBeside, MOST_HITS } from "./hits";

const asked: { from: number; limit: number; q?: string; stream?: string[] }[] = [];
let found: number[] = [];

function aLine(line: number, text = "needle"): LogLine {
  return { line, time: line, stream: "stdout", text };
}

/** Looks through so many lines an answer. */
function aClient(span: number, total: number): Client {
  const GET = async (_: string, { params }: { params: { query: (typeof asked)[number] } }) => {
    const { from, limit } = params.query;
    asked.push(params.query);
    const within = found.filter((line) => line >= from && line < from + span).slice(0, limit);
    const next = within.length === limit ? (within.at(-1) ?? 0) + 1 : Math.min(total, from + span);
    const data = { run_id: "a", lines: within.map((line) => aLine(line)), first: 0, next, total, more: next < total };
    return { data, response: { ok: true, status: 200 } };
  };
  return { GET } as unknown as Client;
}

beforeEach(() => {
  asked.length = 0;
});

test("all lines are looked through, in as many answers as that takes", async () => {
  found = [5, 1_500, 2_900];
  const hits = new Hits(aClient(1_000, 3_000), "a", { ...ALL_LINES, stream: "stderr" }, "needle", vi.fn());
  hits.start();
  await vi.waitFor(() => expect(hits.done).toBe(true));
  expect(hits.places).toEqual([5, 1_500, 2_900]);
  expect(asked.map(({ from }) => from)).toEqual([0, 1_000, 2_000]);
  expect(asked[0]).toMatchObject({ q: "needle", stream: ["stderr"] });
  expect(hits.more).toBe(false);
});

test("of too many hits the first are kept, and that there are more is said", async () => {
  found = Array.from({ length: 30_000 }, (_, line) => line);
  const hits = new Hits(aClient(100_000, 30_000), "a", ALL_LINES, "needle", vi.fn());
  hits.start();
  await vi.waitFor(() => expect(hits.done).toBe(true));
  expect(hits.places).toHaveLength(MOST_HITS);
  expect(hits.more).toBe(true);
});

test("lines that are printed meanwhile are hits too, in any case and across colours", () => {
  const hits = new Hits(aClient(1, 1), "a", ALL_LINES, "needle", vi.fn());
  hits.add([aLine(7, "no"), aLine(8, "a \x1b[31mNEE\x1b[0mdle"), { ...aLine(9), replaces: 8 }]);
  expect(hits.places).toEqual([8]);
});

test("a search that was given up asks no more", async () => {
  found = [];
  const hits = new Hits(aClient(10, 1_000_000), "a", ALL_LINES, "x", vi.fn());
  const stop = hits.start();
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(1));
  stop();
  const before = asked.length;
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(asked.length).toBeLessThanOrEqual(before + 1);
});

test("hits go around the ends", () => {
  const places = [10, 20, 30];
  expect([hitBeside(places, 10, 1), hitBeside(places, 30, 1), hitBeside(places, 5, 1)]).toEqual([1, 0, 0]);
  expect([hitBeside(places, 30, -1), hitBeside(places, 10, -1), hitBeside(places, 99, -1)]).toEqual([1, 2, 2]);
});

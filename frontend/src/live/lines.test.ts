import { expect, test } from "vitest";
import type { LogAnswer, LogLine } from "../services/types";
import { ALL_LINES, BLOCK, type LineFilter, Lines } from "./lines";

function aLine(line: number, changes: Partial<LogLine> = {}): LogLine {
  return {
    line,
    time: line,
    stream: "stdout",
    text: `line ${line}`,
    level: "info",
    rank: 0,
    replaces: null,
    ...changes,
  };
}

/** Answers as the server does, from lines that were printed one after the other. */
function answer(printed: readonly LogLine[], from: number, limit: number): LogAnswer {
  const total = printed.length;
  const start = from < 0 ? Math.max(0, total + from) : from;
  const byPlace = new Map<number, LogLine>();
  let next = start;
  for (; next < total; next++) {
    const line = printed[next] as LogLine;
    const place = line.replaces ?? line.line;
    if (!byPlace.has(place) && byPlace.size >= limit) break;
    const inside = place >= start;
    byPlace.set(place, inside ? { ...line, line: place, replaces: null } : line);
  }
  return { run_id: "a", lines: [...byPlace.values()], first: 0, next, total, more: next < total };
}

const plain = (count: number) => Array.from({ length: count }, (_, line) => aLine(line));
const texts = (rows: readonly { line: LogLine | null }[]) => rows.map((row) => row.line?.text ?? null);

/** Read whatever a walk lacks until it lacks nothing; how often it was asked. */
function readAll(lines: Lines, printed: readonly LogLine[], walk: () => ReturnType<Lines["after"]>): number {
  for (let asked = 0; ; asked++) {
    const { missing } = walk();
    if (missing === null) return asked;
    if (asked > 50) throw new Error("It goes on asking.");
    lines.take(answer(printed, missing.from, missing.limit), missing.from);
  }
}

test("of a million lines the last are there after one answer, and the middle is asked for", () => {
  const printed = plain(1_000_000);
  const lines = new Lines();
  lines.take(answer(printed, -1000, 1000), -1000);
  expect(lines.total).toBe(1_000_000);
  expect(texts(lines.before(lines.total, 2).rows)).toEqual(["line 999998", "line 999999"]);
  const walk = lines.after(600_123, 2);
  expect(walk).toEqual({
    rows: [
      { place: 600_123, line: null },
      { place: 600_124, line: null },
    ],
    missing: { from: 600_000, limit: BLOCK },
  });
  lines.take(answer(printed, 600_000, BLOCK), 600_000);
  expect(texts(lines.after(600_123, 2).rows)).toEqual(["line 600123", "line 600124"]);
  expect(lines.after(600_123, 2).missing).toBeNull();
});

test("lines that come as they are printed follow those that were read, each once", () => {
  const printed = plain(700);
  const lines = new Lines();
  lines.take(answer(printed.slice(0, 698), -1000, 1000), -1000);
  lines.append(printed.slice(696, 699));
  lines.append(printed.slice(698, 700));
  expect(texts(lines.before(700, 4).rows)).toEqual(["line 696", "line 697", "line 698", "line 699"]);
  expect(lines.before(700, 4).missing).toBeNull();
});

test("a gap in what is pushed is read", () => {
  const printed = plain(20);
  const lines = new Lines();
  lines.take(answer(printed.slice(0, 10), 0, 1000), 0);
  lines.append(printed.slice(15));
  expect(lines.after(8, 4)).toMatchObject({ missing: { from: 10 } });
  readAll(lines, printed, () => lines.after(0, 50));
  expect(lines.after(0, 50).rows).toHaveLength(20);
});

test("a progress bar takes one row, in its newest state, and none when it is gone", () => {
  const states = Array.from({ length: 2_000 }, (_, at) =>
    aLine(2 + at, { text: `${at}%`, replaces: at === 0 ? null : 2 }),
  );
  const printed = [...plain(2), ...states, aLine(2_002)];
  const lines = new Lines();
  lines.take(answer(printed, 0, BLOCK), 0);
  expect(texts(lines.after(0, 10).rows)).toEqual(["line 0", "line 1", "1999%", "line 2002"]);
  expect(texts(lines.before(lines.total, 2).rows)).toEqual(["1999%", "line 2002"]);
  lines.append([aLine(2_003, { replaces: 2, text: "done" })]);
  expect(texts(lines.after(2, 1).rows)).toEqual(["done"]);
  lines.append([aLine(2_004, { replaces: 2, text: "" })]);
  expect(texts(lines.after(0, 10).rows)).toEqual(["line 0", "line 1", "line 2002"]);
});

test("an older state of a line does not take the place of a newer one", () => {
  const lines = new Lines();
  lines.append([aLine(0), aLine(1, { replaces: 0, text: "new", time: 9 })]);
  lines.append([aLine(2, { replaces: 0, text: "old", time: 5 })]);
  expect(texts(lines.after(0, 5).rows)).toEqual(["new"]);
});

test("few lines that pass a filter are found from the end with few questions", () => {
  const wanted = new Set([3, 40_000, 99_000]);
  const printed = plain(100_000);
  const errors: LineFilter = { ...ALL_LINES, levels: ["error"] };
  const lines = new Lines(errors);
  const passing = (from: number, limit: number): LogAnswer => ({
    ...answer(printed, from, limit),
    next: printed.length,
    more: false,
    lines: printed.filter(({ line }) => line >= from && wanted.has(line)).slice(0, limit),
  });
  lines.take({ ...passing(99_500, 1000), next: 100_000 }, 99_500);
  let asked = 0;
  for (let walk = lines.before(lines.total, 30); walk.missing !== null; walk = lines.before(lines.total, 30)) {
    lines.take(passing(walk.missing.from, walk.missing.limit), walk.missing.from);
    asked += 1;
  }
  expect(texts(lines.before(lines.total, 30).rows)).toEqual(["line 3", "line 40000", "line 99000"]);
  expect(asked).toBeLessThan(10);
});

test("pushed lines that do not pass the filter take no row", () => {
  const lines = new Lines({ stream: "stderr", levels: null, rank: 1 });
  lines.append([aLine(0), aLine(1, { stream: "stderr" }), aLine(2, { stream: "stderr", rank: 1 })]);
  expect(texts(lines.after(0, 5).rows)).toEqual(["line 2"]);
  expect(lines.total).toBe(3);
});

test("what is far from the view is forgotten, and read again when it is looked at", () => {
  const printed = plain(60_000);
  const lines = new Lines();
  for (let from = 0; from < 60_000; from += 10_000) lines.take(answer(printed, from, 10_000), from);
  lines.forget(59_999);
  expect(lines.after(59_000, 5).missing).toBeNull();
  expect(lines.after(100, 5).missing).toEqual({ from: 0, limit: BLOCK });
});

test("lines that the server no longer has are none", () => {
  const lines = new Lines();
  const printed = plain(3_000).slice(1_700);
  lines.take({ run_id: "a", lines: printed, first: 1_700, next: 3_000, total: 3_000, more: false }, 0);
  expect(lines.after(0, 1).rows[0]?.place).toBe(1_700);
  expect(lines.before(1_701, 5).rows).toHaveLength(1);
  expect(lines.before(1_701, 5).missing).toBeNull();
});

import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogLine, ServerMessage } from "../../services/types";
import { searchConsole } from "../../state/consoleSearch";
import { readView } from "../../state/view";
import { aRun, aSelection, withLayout } from "../fixtures";
import { ConsolePanel } from "./ConsolePanel";

// A search waits until nobody types, and machines that build are slow.
configure({ asyncUtilTimeout: 5_000 });

const server = vi.hoisted(() => ({
  lines: [] as LogLine[],
  asked: [] as Record<string, unknown>[],
  listeners: new Set<(message: ServerMessage) => void>(),
  paused: false,
  pauseListeners: new Set<() => void>(),
}));

vi.mock("../layout/Panel", () => ({
  Panel: ({ about, controls, children }: Record<string, ReactNode>) => (
    <section>
      {about}
      {controls}
      {children}
    </section>
  ),
}));
vi.mock("../../hooks/useSelection", () => ({ useSelection: () => aSelection({ selected: "run_1" }) }));
vi.mock("../../hooks/useRuns", () => ({ useRun: () => aRun() }));
vi.mock("../../hooks/useMoments", () => {
  const moments = { stepAt: async (time: number) => time * 10, endOf: async (step: number) => step / 10 + 1 };
  return { useMoments: () => moments };
});
vi.mock("../../hooks/LiveProvider", () => {
  const listen =
    <Listener,>(set: Set<Listener>) =>
    (listener: Listener) => {
      set.add(listener);
      return () => set.delete(listener);
    };
  const feed = {
    get paused() {
      return server.paused;
    },
    onMessage: listen(server.listeners),
    onReopen: () => () => undefined,
    onPause: listen(server.pauseListeners),
    watchLogs: () => () => undefined,
  };
  const live = { feed, client: { GET: async (_: string, { params }: Asked) => answered(params.query) } };
  return { useLive: () => live };
});

interface Asked {
  params: { query: { from: number; limit: number; q?: string; stream?: string[] } };
}

function answered(query: Asked["params"]["query"]) {
  server.asked.push(query);
  const total = server.lines.length;
  const from = query.from < 0 ? Math.max(0, total + query.from) : query.from;
  const lines = server.lines.filter(
    (line) =>
      line.line >= from &&
      (query.q === undefined || line.text.toLowerCase().includes(query.q.toLowerCase())) &&
      (query.stream?.includes(line.stream) ?? true),
  );
  const data = { run_id: "run_1", lines: lines.slice(0, query.limit), first: 0, next: total, total, more: false };
  return { data, response: { ok: true, status: 200 } };
}

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

/** The run prints some lines more. */
function print(...lines: LogLine[]): void {
  server.lines.push(...lines);
  act(() => {
    for (const listener of server.listeners) listener({ type: "log", run_id: "run_1", lines } as ServerMessage);
  });
}

const log = () => screen.getByRole("log");
const shown = () => [...log().querySelectorAll("[data-line]")].map((line) => Number(line.getAttribute("data-line")));
const current = () => log().querySelector("[data-current]")?.getAttribute("data-line") ?? null;
const press = (key: string) => fireEvent.keyDown(log(), { key });
const open = async () => {
  render(<ConsolePanel panelId="console-1" />);
  await waitFor(() => expect(shown().length).toBeGreaterThan(0));
};

beforeEach(() => {
  withLayout();
  window.history.replaceState(null, "", "#/");
  server.lines = Array.from({ length: 5_000 }, (_, line) => aLine(line));
  server.asked = [];
  server.paused = false;
  searchConsole("");
});
afterEach(cleanup);

test("of 5,000 lines those at the end are drawn, and new ones follow", async () => {
  await open();
  expect(shown().at(-1)).toBe(4_999);
  expect(shown().length).toBeLessThan(60);
  print(aLine(5_000), aLine(5_001, { stream: "stderr", text: "boom" }));
  expect(shown().at(-1)).toBe(5_001);
  expect(screen.getByText("boom")).toBeTruthy();
});

test("scrolled up it holds still and counts what came; End follows again", async () => {
  await open();
  press("PageUp");
  const before = shown();
  print(aLine(5_000), aLine(5_001));
  expect(shown()).toEqual(before);
  expect(screen.getByRole("button", { name: "+2 NEW LINES" })).toBeTruthy();
  press("End");
  expect(shown().at(-1)).toBe(5_001);
  expect(screen.queryByRole("button", { name: /NEW/ })).toBeNull();
});

test("while the view is paused what is printed waits", async () => {
  await open();
  server.paused = true;
  print(aLine(5_000));
  expect(shown().at(-1)).toBe(4_999);
  server.paused = false;
  act(() => {
    for (const listener of server.pauseListeners) listener();
  });
  expect(shown().at(-1)).toBe(5_000);
});

test("who scrolls down to the end follows again", async () => {
  await open();
  press("PageUp");
  press("PageDown");
  press("PageDown");
  print(aLine(5_000));
  expect(shown().at(-1)).toBe(5_000);
});

test("Home reads the beginning, which was not there", async () => {
  await open();
  press("Home");
  await waitFor(() => expect(screen.getByText("line 0")).toBeTruthy());
  expect(shown()[0]).toBe(0);
});

test("keys walk through the lines; Enter puts the crosshair on the step of one, a click too", async () => {
  await open();
  press("k");
  press("k");
  expect(current()).toBe("4998");
  const top = shown()[0];
  print(aLine(5_000), aLine(5_001));
  expect(shown()[0]).toBe(top);
  press("j");
  press("Enter");
  await waitFor(() => expect(readView().at).toBe(49_990));
  fireEvent.click(screen.getByText("line 4990"));
  await waitFor(() => expect(readView().at).toBe(49_900));
  expect(current()).toBe("4990");
  press("Escape");
  expect(current()).toBeNull();
});

test("the crosshair's step leads to the last line before the run went on", async () => {
  window.history.replaceState(null, "", "#/?at=1230");
  await open();
  fireEvent.click(screen.getByRole("button", { name: "AT STEP 1,230" }));
  await waitFor(() => expect(current()).toBe("123"));
});

test("a search counts its hits, shows the nearest and goes on by n and N", async () => {
  server.lines[10] = aLine(10, { text: "a Needle" });
  server.lines[700] = aLine(700, { text: "\x1b[31mnee\x1b[0mdle twice needle" });
  server.lines[4_990] = aLine(4_990, { text: "needle" });
  await open();
  press("f");
  const field = screen.getByRole("textbox", { name: "Search the console" });
  expect(document.activeElement).toBe(field);
  fireEvent.change(field, { target: { value: "needle" } });
  await waitFor(() => expect(screen.getByText("hit 3 of 3")).toBeTruthy());
  expect(current()).toBe("4990");
  expect(log().querySelectorAll("mark")).toHaveLength(1);
  fireEvent.keyDown(field, { key: "Enter", shiftKey: true });
  expect(screen.getByText("hit 2 of 3")).toBeTruthy();
  expect(current()).toBe("700");
  await waitFor(() => expect(log().querySelectorAll("mark")).toHaveLength(3));
  press("n");
  expect(current()).toBe("4990");
  print(aLine(5_000, { text: "one more NEEDLE" }));
  press("n");
  expect(screen.getByText("hit 4 of 4")).toBeTruthy();
  fireEvent.keyDown(field, { key: "Escape" });
  expect(log().querySelectorAll("mark")).toHaveLength(0);
});

test("a stream alone is asked for, and pushed lines of the other are left out", async () => {
  server.lines[4_000] = aLine(4_000, { stream: "stderr", text: "oh no" });
  await open();
  fireEvent.click(screen.getByRole("button", { name: "ERR" }));
  await waitFor(() => expect(shown()).toEqual([4_000]));
  print(aLine(5_000), aLine(5_001, { stream: "stderr", text: "again" }));
  expect(shown()).toEqual([4_000, 5_001]);
});

test("names that a script printed are text", async () => {
  server.lines = [aLine(0, { text: "<img src=x onerror=alert(1)>" })];
  await open();
  expect(screen.getByText("<img src=x onerror=alert(1)>")).toBeTruthy();
  expect(log().querySelector("img")).toBeNull();
});

test("a run that printed nothing says so", async () => {
  server.lines = [];
  render(<ConsolePanel panelId="console-1" />);
  await waitFor(() => expect(screen.getByText("Nothing printed yet.")).toBeTruthy());
});

test("the whole file can be downloaded", async () => {
  await open();
  const link = screen.getByRole("link", { name: "DOWNLOAD" });
  expect(link.getAttribute("href")).toBe("api/runs/run_1/logs/download");
});

test("a click that ends a selection in the second console moves nothing", async () => {
  const first = render(<ConsolePanel panelId="console-1" />);
  const second = render(<ConsolePanel panelId="console-2" />);
  const line = await waitFor(() => {
    expect(first.container.querySelector("[data-line='4999']")).not.toBeNull();
    const found = second.container.querySelector("[data-line='4999']");
    expect(found).not.toBeNull();
    return found as HTMLElement;
  });
  const before = readView().at;
  document.getSelection()?.selectAllChildren(line);
  fireEvent.click(line);
  await act(async () => {});
  expect(readView().at).toBe(before);
  document.getSelection()?.removeAllRanges();
});

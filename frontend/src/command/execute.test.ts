import { expect, test } from "vitest";
import { aRun } from "../components/fixtures";
import { execute, isReady } from "./execute";
import { aContext } from "./fixtures";
import { COMMANDS } from "./registry";

const runs = [
  aRun({ id: "c", number: 3, name: "live", summary: { loss: summary(0.9) } }),
  aRun({ id: "b", number: 2, name: "good", status: "completed", summary: { loss: summary(0.2) } }),
  aRun({ id: "a", number: 1, name: "bad", status: "failed", tags: ["old"], summary: { loss: summary(3) } }),
];

function summary(last: number) {
  const at = "2026-11-23T14:00:00Z";
  const ends = { min: last, min_step: 0, max: last, max_step: 0, first: last };
  return { last, last_step: 1, last_time: at, ...ends, count: 1, nonfinite: 0 };
}

const told = async (line: string, context = aContext(runs)) => ({
  ...(await execute(line, COMMANDS, context)),
  context,
  view: context.now(),
});

test("charts follow the window, the axis, the smoothing and the scale", async () => {
  expect((await told("LOSS 1K")).view.window).toBe(1000);
  expect((await told("ALL")).view.window).toBe("all");
  expect((await told("EMA 0.97")).view.smoothing).toBe(0.97);
  expect((await told("LOG Y")).view.logScale).toBe(true);
  expect((await told("LOGY OFF")).view.logScale).toBe(false);
  const context = aContext(runs);
  for (const expected of [true, false, true]) expect((await told("LOG Y", context)).view.logScale).toBe(expected);
  expect((await told("X REL")).view.xAxis).toBe("relative");
  expect((await told("X val/loss")).view.xAxis).toEqual({ metric: "val/loss" });
  expect((await told("ZOOM 10 20")).view.zoom).toEqual([10, 20]);
});

test.each([
  "EMA 1",
  "EMA x",
  "ZOOM 5 5",
  "ZOOM 5",
  "X moon",
  "LOSS 7",
  "LAYO SAVE",
  "SORT moon",
  "EXP docx",
  "OPEN moon",
  "THEME PINK",
])("%s is refused with a reason and changes nothing", async (line) => {
  const context = aContext(runs);
  await expect(execute(line, COMMANDS, context)).rejects.toThrow(/\w/);
  expect(context.now().zoom).toBeNull();
  expect(context.screen.open).not.toHaveBeenCalled();
  expect(context.prefer).not.toHaveBeenCalled();
});

test("a beginning that several runs share does nothing to any of them, and tells which they are", async () => {
  const context = aContext([...runs, aRun({ id: "d", number: 4, name: "lively" })]);
  await expect(execute("STOP liv", COMMANDS, context)).rejects.toThrow("liv could be R3 live, R4 lively.");
  await expect(execute("DIFF liv", COMMANDS, context)).rejects.toThrow("liv could be R3 live, R4 lively.");
  expect(context.actions.send).not.toHaveBeenCalled();
});

test("runs are drawn together, and the first of them is turned to when the selected one is none of them", async () => {
  const { view, told: said } = await told("CMP R1 R2");
  expect([view.compared, view.run, said]).toEqual([["a", "b"], "a", "2 RUNS DRAWN TOGETHER"]);
});

test("ATTN turns to the run that needs somebody most, and says why", async () => {
  const { view, told: said, context } = await told("ATTN");
  expect([view.run, view.sort]).toEqual(["a", "attention"]);
  expect(said).toContain("R1 bad: FAILED");
  expect(context.screen.show).toHaveBeenCalledWith("runs");
  const calm = await told("ATTN", aContext([runs[1] as (typeof runs)[number]]));
  expect([calm.told, calm.view.run]).toEqual(["NO RUN NEEDS YOU", null]);
});

test("NEXT and PREV follow the list as it is ordered and filtered now", async () => {
  const context = aContext(runs);
  context.change({ run: "b", sort: "loss" });
  expect((await told("NEXT", context)).view.run).toBe("c");
  expect((await told("NEXT", context)).view.run).toBe("a");
  expect((await told("NEXT", context)).told).toBe("THE LAST RUN");
  context.change({ filter: "loss<1" });
  expect((await told("PREV", context)).view.run).toBe("b");
  expect((await told("PREV", context)).told).toBe("THE FIRST RUN");
  context.change({ filter: "tag:none" });
  expect((await told("NEXT", context)).told).toBe("THE LIST SHOWS NO RUN");
});

test("CH charts metrics in a panel of their own", async () => {
  const { view, context } = await told('CH val/loss "layer.1/grad norm"');
  expect(view.metrics).toEqual({ "chart-1": ["val/loss", "layer.1/grad norm"] });
  expect(context.screen.show).toHaveBeenCalledWith("chart-1");
});

test("a part of a metric's name charts the metric that the server finds; what nobody knows is refused", async () => {
  const context = aContext(runs, { findMetrics: async (text) => (text === "417/g" ? ["layer.417/grad norm"] : []) });
  expect((await told("417/g", context)).view.metrics).toEqual({ "chart-1": ["layer.417/grad norm"] });
  await expect(told("zzz", context)).rejects.toThrow("There is no function and no run zzz.");
});

test("DIFF of another run than the selected one is about that one's project", async () => {
  const other = aRun({ id: "o", number: 9, project: "other", summary: { loss: summary(5) } });
  const better = aRun({ id: "p", number: 8, project: "other", summary: { loss: summary(4) } });
  const all = [...runs, other, better];
  // The page turns to the run only when it is drawn next.
  const { view } = await told("R9 DIFF", aContext(all, { selected: () => runs[0] ?? null }));
  expect(view).toMatchObject({ run: "o", against: "p" });
  await expect(told("R9 DIFF r9", aContext(all))).rejects.toThrow("R9 is the run itself");
  expect((await told("R9 DIFF r8", aContext(all))).view.against).toBe("p");
});

test("who deletes the selected run is not left with it", async () => {
  const context = aContext(runs);
  context.change({ run: "b" });
  expect((await told("DEL R1", context)).view.run).toBe("b");
  expect((await told("R2 DEL", context)).view.run).toBeNull();
});

test.each(["* STOP", "STOP *", "STOP R3 R2", "R3 R2 SAVE", "* EVAL", "* NAME x", "@old R3 NOTE x"])(
  "%s is refused: it is for one run, and would have left the others out",
  async (line) => {
    const context = aContext(runs);
    await expect(execute(line, COMMANDS, context)).rejects.toThrow(/one run/);
    for (const act of Object.values(context.actions)) expect(act).not.toHaveBeenCalled();
  },
);

test("a link of the view names the run, also when the page chose it", async () => {
  window.history.replaceState(null, "", "#/?ema=0.9");
  const { context } = await told("SHARE");
  expect(context.copy).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^http.*#\/runs\/c\?ema=0\.9$/));
  window.history.replaceState(null, "", "#/runs/b");
  await told("SHARE", context);
  expect(context.copy).toHaveBeenLastCalledWith(expect.stringMatching(/#\/runs\/b$/));
});

test("HOME leaves no filter", async () => {
  const context = aContext(runs);
  context.change({ filter: "tag:x", events: "level:error", checkpoints: "-step", sort: "loss" });
  expect((await told("HOME", context)).view).toMatchObject({ filter: "", events: "", checkpoints: "", sort: "" });
});

test("DIFF alone holds the run against the best one", async () => {
  const { view, context } = await told("DIFF");
  expect(view).toMatchObject({ compared: ["c", "b"], tab: "DIFF" });
  expect(context.screen.show).toHaveBeenCalledWith("config");
});

test("LOG opens the console, at what is looked for; LOG Y does not", async () => {
  const { context } = await told("LOG out of memory");
  expect(context.screen.show).toHaveBeenCalledWith("console-1");
  expect(context.searchConsole).toHaveBeenCalledWith("out of memory");
  expect((await told("LOG Y")).context.screen.show).not.toHaveBeenCalled();
});

test("EVT shows the event log, filtered when words stand behind it", async () => {
  const { view, context } = await told("EVT level:error memory");
  expect(view.events).toBe("level:error memory");
  expect(context.screen.show).toHaveBeenCalledWith("events");
});

test("STOP alone asks for the number, and stops nothing", async () => {
  const { context, asks } = await told("STOP");
  expect(asks).toBe(true);
  expect(context.prefill).toHaveBeenCalledWith("STOP R", expect.stringContaining("live is R3"));
  expect(context.actions.send).not.toHaveBeenCalled();
});

test("STOP with a number stops that run, if it runs", async () => {
  const { context } = await told("STOP R3");
  expect(context.actions.send).toHaveBeenCalledExactlyOnceWith(runs[0], "stop");
  await expect(told("STOP R2")).rejects.toThrow("R2 is not running: it is completed.");
  await expect(told("STOP R9")).rejects.toThrow("There is no run R9.");
});

test("DEL takes the numbers, never one that runs, and says how to take it back", async () => {
  const { context, told: said } = await told("DEL R1 R2");
  expect(context.actions.deleteRuns).toHaveBeenCalledExactlyOnceWith(["a", "b"]);
  expect(said).toContain("UNDEL a b");
  const running = aContext(runs);
  await expect(execute("DEL R1 R3", COMMANDS, running)).rejects.toThrow("R3 is running");
  expect(running.actions.deleteRuns).not.toHaveBeenCalled();
});

test("tags are added and taken away, on all runs named", async () => {
  const { context } = await told("R1 R2 TAG new -old");
  expect(context.actions.setTags).toHaveBeenNthCalledWith(1, "a", ["new"]);
  expect(context.actions.setTags).toHaveBeenNthCalledWith(2, "b", ["new"]);
});

test("panels are moved, closed and filled by their number", async () => {
  expect((await told("MOVE 4 RIGHT 1")).context.screen.move).toHaveBeenCalledWith("loss", "right", "runs");
  expect((await told("MOVE TOP")).context.screen.move).toHaveBeenCalledWith("runs", "top", undefined);
  expect((await told("CLOSE 9")).context.screen.close).toHaveBeenCalledWith("console-1");
  expect((await told("MAX loss")).context.screen.maximise).toHaveBeenCalledWith("loss");
  await expect(told("CLOSE 7")).rejects.toThrow("There is no panel 7");
});

test("layouts are saved, loaded and listed by name", async () => {
  const saved = await told("LAYO SAVE my night");
  expect(saved.context.screen.save).toHaveBeenCalledWith("my night");
  expect((await told("LAYO my night")).context.screen.load).toHaveBeenCalledWith("my night");
  expect((await told("LAYO")).told).toBe("SAVED: night");
});

test("a line is ready when it is a function or a run named in full", () => {
  const context = aContext(runs);
  const ready = (line: string) => isReady(line, COMMANDS, context) !== null;
  expect([ready("loss"), ready("R3"), ready("LIVE"), ready("good")]).toEqual([true, true, true, true]);
  expect([ready("goo"), ready("st"), ready("")]).toEqual([false, false, false]);
});

// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Drawable, Scheduler } from "./scheduler";

class FakeChart implements Drawable {
  drawn = 0;
  seen = true;
  takes = 0;
  onDraw = () => {};
  visible(): boolean {
    return this.seen;
  }
  draw(): void {
    this.drawn += 1;
    now += this.takes;
    this.onDraw();
  }
}

let waiting: (() => void)[];
let later: { callback: () => void; milliseconds: number }[];
let now: number;
let hidden: boolean;
let moved: number;
let scheduler: Scheduler;

beforeEach(() => {
  waiting = [];
  later = [];
  now = 0;
  hidden = false;
  moved = Number.NEGATIVE_INFINITY;
  scheduler = new Scheduler({
    request: (callback) => waiting.push(callback),
    later: (callback, milliseconds) => later.push({ callback, milliseconds }),
    now: () => now,
    hidden: () => hidden,
    moved: () => moved,
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function frame(): void {
  for (const callback of waiting.splice(0)) callback();
}

const charts = (count: number, takes = 0) =>
  Array.from({ length: count }, () => Object.assign(new FakeChart(), { takes }));
const drawn = (all: FakeChart[]) => all.map((chart) => chart.drawn);

test("many changes of a chart between two frames are one drawing", () => {
  const [chart] = charts(1) as [FakeChart];
  for (let times = 0; times < 50; times++) scheduler.mark(chart);
  expect(waiting).toHaveLength(1);
  frame();
  expect(chart.drawn).toBe(1);
  expect(waiting).toHaveLength(0);
});

test("a frame draws until its time is spent, the rest follows in the next ones", () => {
  const all = charts(7, 5);
  for (const chart of all) scheduler.mark(chart);
  frame();
  expect(drawn(all)).toEqual([1, 1, 1, 0, 0, 0, 0]);
  frame();
  frame();
  expect(drawn(all)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(waiting).toHaveLength(0);
});

test("a chart that changes with every frame does not keep others waiting", () => {
  const all = charts(5, 5);
  for (const chart of all) {
    chart.onDraw = () => scheduler.mark(chart);
    scheduler.mark(chart);
  }
  for (let times = 0; times < 5; times++) frame();
  expect(drawn(all)).toEqual([3, 3, 3, 3, 3]);
});

test("what can't be seen is drawn when it comes into view, and holds no frame until then", () => {
  const [chart] = charts(1) as [FakeChart];
  chart.seen = false;
  scheduler.mark(chart);
  expect(waiting).toHaveLength(0);
  chart.seen = true;
  scheduler.wake();
  frame();
  expect(chart.drawn).toBe(1);
});

test("a hidden tab draws nothing and catches up with one drawing", () => {
  const [chart] = charts(1) as [FakeChart];
  scheduler.mark(chart);
  hidden = true;
  frame();
  scheduler.mark(chart);
  expect([chart.drawn, waiting.length]).toEqual([0, 0]);
  hidden = false;
  scheduler.wake();
  frame();
  expect(chart.drawn).toBe(1);
});

test("held, it draws nothing until it is let go", () => {
  const [chart] = charts(1) as [FakeChart];
  scheduler.hold(true);
  scheduler.mark(chart);
  frame();
  expect(chart.drawn).toBe(0);
  scheduler.hold(false);
  frame();
  expect(chart.drawn).toBe(1);
});

test("a chart that was forgotten is not drawn", () => {
  const [chart] = charts(1) as [FakeChart];
  scheduler.mark(chart);
  scheduler.forget(chart);
  frame();
  expect(chart.drawn).toBe(0);
});

test("what takes long to draw is awaited for, so that changes close to each other are one drawing", () => {
  const all = charts(4, 8);
  const [first, second] = all as [FakeChart, FakeChart];
  for (const chart of all) scheduler.mark(chart);
  for (let times = 0; times < 2; times++) frame();
  expect(drawn(all)).toEqual([1, 1, 1, 1]);
  scheduler.mark(first);
  scheduler.mark(second);
  scheduler.mark(first);
  expect([waiting.length, later.map(({ milliseconds }) => milliseconds)]).toEqual([0, [60]]);
  later[0]?.callback();
  for (let times = 0; times < 2; times++) frame();
  expect(drawn(all)).toEqual([2, 2, 1, 1]);
});

test("what is drawn at once waits for nothing", () => {
  const [chart] = charts(1, 1) as [FakeChart];
  scheduler.mark(chart);
  frame();
  scheduler.mark(chart);
  expect([waiting.length, later.length]).toEqual([1, 0]);
});

test("a chart that fails is told of, and stops neither the others nor what comes later", () => {
  const told = vi.fn();
  vi.stubGlobal("reportError", told);
  const [broken, sound] = charts(2) as [FakeChart, FakeChart];
  const failure = new Error("no picture");
  broken.onDraw = () => {
    throw failure;
  };
  for (let times = 0; times < 2; times++) {
    scheduler.mark(broken);
    scheduler.mark(sound);
    frame();
  }
  expect(drawn([broken, sound])).toEqual([2, 2]);
  expect(told.mock.calls).toEqual([[failure], [failure]]);
});

test("while the pointer moves, a frame draws less, so that what follows the pointer is in time", () => {
  const all = charts(4, 3);
  moved = 0;
  for (const chart of all) scheduler.mark(chart);
  frame();
  expect(drawn(all)).toEqual([1, 1, 0, 0]);
  moved = -1000;
  frame();
  expect(drawn(all)).toEqual([1, 1, 1, 1]);
});

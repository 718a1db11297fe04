import { expect, test } from "vitest";
import { formatAddress, parseAddress, START, type View } from "./address";

test("an empty address is the view that the page starts with", () => {
  expect(parseAddress("")).toEqual(START);
  expect(formatAddress(START)).toBe("#/");
});

test("a view comes back from its address as it was", () => {
  const view: View = {
    run: "run/ä 1",
    compared: ["run_1", "run_2"],
    window: 1000,
    xAxis: { metric: "tokens&seen=?#" },
    smoothing: 0.97,
    logScale: false,
    zoom: [-1.5, 2e9],
    metrics: { loss: ["train/loss", "layer.*/grad norm"], "chart-2": ["a,b"] },
    layout: "my layout",
    maximised: "loss",
    filter: 'tag:x "y"',
    sort: "-loss",
    checkpoints: "-metric:val/acc & more",
    tab: "DIFF",
    against: "run_3",
    events: 'level:error "out of memory"',
    at: 1480,
  };
  expect(parseAddress(formatAddress(view))).toEqual(view);
});

test("a compare set of nobody is kept apart from one that the page chooses", () => {
  expect(parseAddress(formatAddress({ ...START, compared: [] })).compared).toEqual([]);
  expect(parseAddress("#/runs/a").compared).toBeNull();
});

test.each([
  ["#/runs/%E0%A4%A", { run: "%E0%A4%A" }],
  ["#/?w=7", { window: "all" }],
  ["#/?ema=1", { smoothing: 0 }],
  ["#/?ema=0.99999", { smoothing: 0.999 }],
  ["#/?ema=-1", { smoothing: 0 }],
  ["#/?zoom=5,1", { zoom: null }],
  ["#/?zoom=1", { zoom: null }],
  ["#/?zoom=1,,2", { zoom: null }],
  ["#/?x=moon", { xAxis: "step" }],
  ["#/?at=NaN", { at: null }],
  ["#/?m.loss=&m.=x&m.LOSS=y", { metrics: {} }],
  ["#/?m.constructor=x", { metrics: { constructor: ["x"] } }],
] as const)("what can't be read in %s is as at the start", (address, expected) => {
  expect(parseAddress(address)).toMatchObject(expected);
});

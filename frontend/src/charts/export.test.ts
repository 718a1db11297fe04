import { expect, test } from "vitest";
import type { Snapshot } from "./chart";
import { reduced } from "./fixtures";
import type { DrawnLine } from "./line";
import { csvOf } from "./table";
import { svgOf } from "./vectors";

const line = (name: string, more: Partial<DrawnLine> = {}): DrawnLine => ({
  runId: name,
  name,
  colour: "var(--s1)",
  dash: [],
  failed: false,
  paint: "#ffd700",
  end: null,
  lastValue: 1,
  nonfinite: [],
  edge: null,
  sparse: false,
  ...more,
});

const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  metric: "train/loss",
  xKind: "step",
  lines: [line("a"), line('=b"<c>')],
  own: [
    reduced([-5, 0, 10], [9, 1, 2], { min: [9, 0.5, 2], max: [9, 1.5, 2], smooth: [9, 1, 1.25] }),
    reduced([10], [4]),
  ],
  range: [0, 10],
  yRange: [0, 5],
  logScale: false,
  canvas: document.createElement("canvas"),
  ...over,
});

test("the table has a row for each x in view, and no name that a spreadsheet takes for a formula", () => {
  const [head, ...rows] = csvOf([snapshot()]).split("\r\n");
  expect(head).toBe(
    'step,"a train/loss mean","a train/loss min","a train/loss max","a train/loss smoothed",' +
      '"\'=b""<c> train/loss mean","\'=b""<c> train/loss min","\'=b""<c> train/loss max"',
  );
  expect(rows).toEqual(["0,1,0.5,1.5,1,,,", "10,2,2,2,1.25,4,4,4"]);
});

test("charts of one panel share a table, and runs of one name are told apart by their ids", () => {
  const twins = [line("a"), line("a", { runId: "run_2" })];
  const other = snapshot({
    metric: "lr",
    lines: [line("a")],
    own: [reduced([5], [7])],
  });
  const [head, ...rows] = csvOf([snapshot({ lines: twins }), other]).split("\r\n");
  expect(head).toContain('"a (a) train/loss mean"');
  expect(head).toContain('"a (run_2) train/loss mean"');
  expect(head).toContain('"a lr mean"');
  expect(rows).toEqual(["0,1,0.5,1.5,1,,,,,,", "5,,,,,,,,7,7,7", "10,2,2,2,1.25,4,4,4,,,"]);
});

test("what a resumed run left behind is in no table, and without a name among the vectors", () => {
  const left = snapshot({ lines: [line("a", { ghost: true }), line("b")] });
  expect(csvOf([left])).not.toContain("a train");
  const made = new DOMParser().parseFromString(svgOf([left]), "image/svg+xml");
  expect([...made.querySelectorAll("text")].map((text) => text.textContent)).not.toContain("a  1.0000");
});

test("the vectors are well formed, with names as text, and broken where a value was not finite", () => {
  const broken = snapshot({
    own: [reduced([0, 4, 10], [1, null, 2]), reduced([], [])],
  });
  const made = new DOMParser().parseFromString(svgOf([snapshot(), broken]), "image/svg+xml");
  expect(made.querySelector("parsererror")).toBeNull();
  const texts = [...made.querySelectorAll("text")].map((text) => text.textContent);
  expect(texts).toContain('=b"<c>  1.0000');
  expect(texts).toContain("all 4 points");
  const strokes = [...made.querySelectorAll("path[stroke='#ffd700']")].map((path) => path.getAttribute("d"));
  expect(strokes[0]).toMatch(/^M-\d[\d.]* -?[\d.]+L20 [\d.]+L884 [\d.]+$/);
  expect(strokes.at(-1)).toMatch(/^M20 [\d.]+M884 [\d.]+$/);
});

test("a name that XML can't hold is told without what it can't", () => {
  const made = svgOf([snapshot({ metric: "lo\u0000ss\ud800" })]);
  expect(new DOMParser().parseFromString(made, "image/svg+xml").querySelector("parsererror")).toBeNull();
});

import { expect, test } from "vitest";
import type { Snapshot } from "./chart";
import { csvOf, svgOf } from "./export";
import type { DrawnLine } from "./line";

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
  ...more,
});

const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  metric: "train/loss",
  xKind: "step",
  lines: [line("a"), line('=b"<c>')],
  aligned: {
    x: [0, 10],
    lines: [
      { value: [1, 2], min: [0.5, 2], max: [1.5, 2], smooth: [1, 1.25] },
      { value: [undefined, 4], min: [undefined, 4], max: [undefined, 4] },
    ],
    drawn: 3,
    points: 5,
  },
  range: [0, 10],
  yRange: [0, 5],
  logScale: false,
  canvas: document.createElement("canvas"),
  ...over,
});

test("the table has a row for each x, and no name that a spreadsheet takes for a formula", () => {
  const [head, ...rows] = csvOf(snapshot()).split("\r\n");
  expect(head).toBe(
    'step,"a train/loss mean","a train/loss min","a train/loss max","a train/loss smoothed",' +
      '"\'=b""<c> train/loss mean","\'=b""<c> train/loss min","\'=b""<c> train/loss max"',
  );
  expect(rows).toEqual(["0,1,0.5,1.5,1,,,", "10,2,2,2,1.25,4,4,4"]);
});

test("what a resumed run left behind is in no table", () => {
  expect(csvOf(snapshot({ lines: [line("a", { ghost: true }), line("b")] })).split("\r\n")[0]).not.toContain("a train");
});

test("the vectors are well formed, with names as text and lines inside the box", () => {
  const made = new DOMParser().parseFromString(svgOf(snapshot()), "image/svg+xml");
  expect(made.querySelector("parsererror")).toBeNull();
  expect([...made.querySelectorAll("text")].map((text) => text.textContent)).toContain('=b"<c>  1.0000');
  const [first] = [...made.querySelectorAll("path[stroke='#ffd700']")];
  expect(first?.getAttribute("d")).toMatch(/^M16 [\d.]+L884 [\d.]+$/);
});

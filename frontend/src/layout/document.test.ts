import { expect, test } from "vitest";
import { documentOf, LayoutError, parseLayout, readLayout } from "./document";
import { defaultTree, split, stackOf } from "./tree";

test("what is written is read again", () => {
  const tree = split("row", [stackOf("chart-1", "chart-12"), defaultTree()], [1, 3]);
  const layout = documentOf(tree, { "chart-1": ["loss", "val/*"], "chart-9": ["of a panel that is not there"] });
  expect(layout.metrics).toEqual({ "chart-1": ["loss", "val/*"] });
  expect(parseLayout(JSON.stringify(layout))).toEqual(layout);
});

test("what is not as it should be is put right", () => {
  const tree = { direction: "row", sizes: [2, 6], children: [stackOf("runs"), stackOf("loss")] };
  expect(readLayout({ version: 1, tree }).tree).toMatchObject({ sizes: [0.25, 0.75] });
  const nested = { direction: "row", sizes: [1], children: [tree] };
  expect(readLayout({ version: 1, tree: nested }).tree).toMatchObject({ sizes: [0.25, 0.75] });
});

const runs = stackOf("runs");
const deep = Array.from({ length: 40 }).reduce<unknown>(
  (inner) => ({ direction: "row", sizes: [1], children: [inner] }),
  runs,
);

test.each<[string, unknown]>([
  ["layout: It is missing, or no object.", []],
  ["layout: It is missing, or no object.", null],
  ["version: 2 is not known here; this page reads 1.", { version: 2, tree: runs }],
  ["tree: It is missing, or no object.", { version: 1 }],
  ['tree.direction: It is neither "row" nor "column".', { version: 1, tree: { direction: "up" } }],
  ["tree.children: It is missing, or an empty list.", { version: 1, tree: { direction: "row", children: [] } }],
  ["tree.sizes: It is missing, or an empty list.", { version: 1, tree: { direction: "row", children: [runs] } }],
  [
    "tree.sizes: 1 sizes for 2 children.",
    { version: 1, tree: { direction: "row", children: [runs, stackOf("loss")], sizes: [1] } },
  ],
  [
    "tree.sizes[1]: It is no number above 0.",
    { version: 1, tree: { direction: "row", children: [runs, stackOf("loss")], sizes: [1, 0] } },
  ],
  [
    "tree.sizes: Together they are more than any number.",
    { version: 1, tree: { direction: "row", children: [runs, stackOf("loss")], sizes: [1e308, 1e308] } },
  ],
  [
    'tree.children[1].panels[0]: There is no panel "<b>".',
    { version: 1, tree: { direction: "row", children: [runs, stackOf("<b>")], sizes: [1, 1] } },
  ],
  ['tree.panels[0]: There is no panel "runs-2".', { version: 1, tree: stackOf("runs-2") }],
  ['tree.panels[0]: There is no panel "chart".', { version: 1, tree: stackOf("chart") }],
  ["tree.panels[0]: There is no panel 7.", { version: 1, tree: { panels: [7], active: 7 } }],
  ["tree.active: It is none of the panels beside it.", { version: 1, tree: { panels: ["runs"], active: "loss" } }],
  [
    "tree: The panel runs is there twice.",
    { version: 1, tree: { direction: "row", children: [runs, runs], sizes: [1, 1] } },
  ],
  [
    "tree: 65 panels are more than 64.",
    { version: 1, tree: stackOf(...Array.from({ length: 65 }, (_, at) => `chart-${at + 1}`)) },
  ],
  ["metrics.chart-1: It holds something that is no name.", { version: 1, tree: runs, metrics: { "chart-1": [1] } }],
  ["metrics: It is missing, or no object.", { version: 1, tree: runs, metrics: "loss" }],
])("%s", (message, value) => {
  expect(() => readLayout(value)).toThrow(new LayoutError("", message));
});

test("what is nested without end is refused", () => {
  expect(() => readLayout({ version: 1, tree: deep })).toThrow(/nested too deeply/);
});

test("what is no JSON is told so", () => {
  expect(() => parseLayout("{")).toThrow("This is no layout: it is not JSON.");
});

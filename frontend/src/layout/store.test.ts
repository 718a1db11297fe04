import { beforeEach, describe, expect, test, vi } from "vitest";
import { changeView, readView } from "../state/view";
import { readDraft } from "./draft";
import { placesIn } from "./geometry";
import { useScreen } from "./screen";
import {
  bringToFront,
  closePanel,
  growPanel,
  maximise,
  movePanel,
  openMentioned,
  openPanel,
  openPanels,
  panelsHere,
  popIn,
  popOut,
  resetLayout,
  shownTree,
  showPanel,
  useLayout,
} from "./store";
import { defaultTree, findStack, panelsIn, type Tree } from "./tree";

beforeEach(() => {
  window.history.replaceState(null, "", "#/");
  for (const id of useLayout.getState().popped) popIn(id);
  resetLayout();
  useScreen.getState().activate("runs");
  localStorage.clear();
});

const rectOf = (id: string) => placesIn(useLayout.getState().tree).find(({ stack }) => stack.panels.includes(id))?.rect;

describe("open and close", () => {
  test("a panel that may be there several times gets the next number", () => {
    expect([openPanel("chart"), openPanel("chart", "loss")]).toEqual(["chart-1", "chart-2"]);
    // The first one in the largest place, the second one where it was wanted.
    expect(openPanels().slice(-3)).toEqual(["checkpoints", "chart-1", "actions"]);
    expect(openPanels().indexOf("chart-2")).toBe(openPanels().indexOf("loss") + 1);
    expect(useScreen.getState().active).toBe("chart-2");
  });

  test("one that is there and can't be there twice is shown", () => {
    expect(openPanel("events")).toBe("events");
    expect(openPanels()).toHaveLength(8);
    expect(useScreen.getState().active).toBe("events");
  });

  test("one that is closed leaves no metrics behind, and the next one is in use", () => {
    openPanel("chart");
    changeView({ metrics: { "chart-1": ["loss"], rate: ["lr"] }, maximised: "chart-1" });
    expect(closePanel("chart-1")).toBe(true);
    expect(readView()).toMatchObject({ metrics: { rate: ["lr"] }, maximised: null });
    expect(openPanels()).toHaveLength(8);
    expect(useScreen.getState().active).toBe("actions");
  });

  test("the last one stays, and what is not there can't be closed", () => {
    expect(closePanel("none")).toBe(false);
    for (const id of openPanels().slice(1)) closePanel(id);
    expect(closePanel("runs")).toBe(false);
    expect(openPanels()).toEqual(["runs"]);
  });
});

describe("move", () => {
  test("it changes places with its neighbour", () => {
    movePanel("runs", "right");
    expect(openPanels().slice(0, 3)).toEqual(["system", "runs", "events"]);
    movePanel("runs", "bottom");
    expect(openPanels().slice(0, 6)).toEqual(["system", "rate", "events", "loss", "runs", "config"]);
  });

  test("at the screen's edge it takes the whole edge", () => {
    movePanel("runs", "left");
    expect(rectOf("runs")).toEqual({ x: 0, y: 0, width: 0.3, height: 1 });
  });

  test("beside another one, and into its stack", () => {
    movePanel("runs", "tab", "actions");
    expect(findStack(useLayout.getState().tree, "runs")).toEqual({ panels: ["actions", "runs"], active: "runs" });
    movePanel("runs", "left");
    expect(findStack(useLayout.getState().tree, "runs")?.panels).toEqual(["runs"]);
    movePanel("runs", "tab");
    expect(findStack(useLayout.getState().tree, "runs")?.panels).toEqual(["checkpoints", "runs"]);
  });

  test("it grows", () => {
    growPanel("runs", 0.1, 0);
    expect(rectOf("runs")?.width).toBeCloseTo(1 / 3 + 0.1);
  });
});

test("a changed layout is no longer the saved one, and is kept in the browser", () => {
  changeView({ layout: "night" });
  useLayout.setState({ base: "night", changed: false });
  movePanel("runs", "right");
  expect(readView().layout).toBeNull();
  expect(useLayout.getState()).toMatchObject({ base: "night", changed: true });
  expect(readDraft()).toMatchObject({ base: "night", layout: { tree: useLayout.getState().tree } });
  resetLayout();
  expect(useLayout.getState()).toMatchObject({ tree: defaultTree(), base: null, changed: false });
  expect(readDraft()).toBeNull();
});

test.each(["{", '{"layout":{"version":9}}', "[]", "7"])("a draft that can't be read (%s) is none", (text) => {
  localStorage.setItem("stepwire.layout", text);
  expect(readDraft()).toBeNull();
});

describe("show", () => {
  test("a panel comes out from behind its tab and from behind one that fills the screen", () => {
    movePanel("runs", "tab", "actions");
    bringToFront("actions");
    maximise("loss");
    expect(showPanel("runs")).toBe(true);
    expect(findStack(useLayout.getState().tree, "runs")?.active).toBe("runs");
    expect(readView().maximised).toBe("runs");
    expect(showPanel("chart-7")).toBe(false);
  });

  test("bringing to the front is no change of the layout", () => {
    movePanel("runs", "tab", "actions");
    useLayout.setState({ changed: false });
    bringToFront("actions");
    expect(useLayout.getState().changed).toBe(false);
  });

  test("a link opens the panels that it speaks of, and no others", () => {
    changeView({ metrics: { "chart-3": ["loss"], "bogus-1": ["x"], loss: ["a"] }, maximised: "console-1" });
    openMentioned();
    expect(
      openPanels()
        .filter((id) => !panelsIn(defaultTree()).includes(id))
        .toSorted(),
    ).toEqual(["chart-3", "console-1"]);
  });
});

test("the default layout leaves no panel that opens again", () => {
  changeView({ metrics: { "chart-3": ["loss"], loss: ["a"] } });
  openMentioned();
  resetLayout();
  openMentioned();
  expect(openPanels()).toEqual(panelsIn(defaultTree()));
  expect(readView().metrics).toEqual({ loss: ["a"] });
});

test("a link can't open more panels than a layout may have", () => {
  const many = Array.from({ length: 100 }, (_, at) => [`chart-${at + 1}`, ["loss"]]);
  changeView({ metrics: Object.fromEntries(many) });
  openMentioned();
  expect(openPanels()).toHaveLength(64);
  expect(() => openPanel("note")).toThrow(/64/);
  expect(readDraft()?.layout.tree).toEqual(useLayout.getState().tree);
});

describe("windows of their own", () => {
  test("a panel keeps its place while it is away", () => {
    const frame = document.createElement("iframe");
    document.body.append(frame);
    vi.spyOn(window, "open").mockReturnValue(frame.contentWindow as Window & typeof globalThis);
    popOut("loss");
    expect(panelsIn(shownTree(useLayout.getState()) as Tree)).not.toContain("loss");
    expect(frame.contentDocument?.querySelector('[data-host="loss"]')).not.toBeNull();
    expect(openPanels()).toContain("loss");
    expect(panelsHere()).not.toContain("loss");
    maximise("loss");
    expect(readView().maximised).toBeNull();
    movePanel("rate", "left");
    popIn("loss");
    expect(panelsIn(shownTree(useLayout.getState()) as Tree)).toEqual(openPanels());
    frame.remove();
  });

  test("a browser that opens none is told of, and nothing changes", () => {
    vi.spyOn(window, "open").mockReturnValue(null);
    expect(() => popOut("loss")).toThrow(/did not open a window/);
    expect(useLayout.getState().popped).toEqual([]);
  });
});

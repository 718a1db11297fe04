import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { changeView, readView } from "../state/view";
import { readDraft } from "./draft";
import { exportLayout, importLayout } from "./file";
import { deleteLayout, followAddress, layoutNames, loadLayout, saveLayout } from "./saved";
import { movePanel, openMentioned, openPanel, openPanels, resetLayout, useLayout } from "./store";

/** What a server has, by name. */
const kept = new Map<string, unknown>();

async function answer(request: Request): Promise<Response> {
  const name = decodeURIComponent(new URL(request.url).pathname.replace(/^\/api\/layouts\/?/, ""));
  if (name === "") return Response.json({ layouts: [...kept.keys()].toSorted().map((each) => ({ name: each })) });
  if (request.method === "PUT") kept.set(name, (await request.json()).layout);
  if (!kept.has(name)) return Response.json({ detail: `There is no layout ${name}.` }, { status: 404 });
  const layout = kept.get(name);
  if (request.method === "DELETE") kept.delete(name);
  return Response.json({ name, layout });
}

beforeEach(() => {
  vi.stubGlobal("fetch", answer);
  kept.clear();
  window.history.replaceState(null, "", "#/");
  resetLayout();
  localStorage.clear();
});

afterEach(() => vi.unstubAllGlobals());

describe("saved under a name", () => {
  test("it comes back whole, with what its charts show, and the address names it", async () => {
    openPanel("chart");
    movePanel("runs", "right");
    changeView({ metrics: { "chart-1": ["loss"] } });
    const before = openPanels();
    await saveLayout("night/ä");
    expect([readView().layout, useLayout.getState().changed, readDraft()]).toEqual(["night/ä", false, null]);
    resetLayout();
    changeView({ metrics: {} });
    await loadLayout("night/ä");
    expect(openPanels()).toEqual(before);
    expect(readView()).toMatchObject({ layout: "night/ä", metrics: { "chart-1": ["loss"] } });
    expect(await layoutNames()).toEqual(["night/ä"]);
  });

  test("what is not there, or is no layout, changes nothing", async () => {
    kept.set("odd", { version: 1, tree: { panels: ["x"], active: "x" } });
    const before = openPanels();
    await expect(loadLayout("none")).rejects.toThrow("There is no layout none.");
    await expect(loadLayout("odd")).rejects.toThrow('tree.panels[0]: There is no panel "x".');
    expect([openPanels(), readView().layout]).toEqual([before, null]);
  });

  test("one that is deleted stays on the screen, unsaved", async () => {
    movePanel("runs", "right");
    await saveLayout("a");
    await deleteLayout("a");
    expect(await layoutNames()).toEqual([]);
    expect(openPanels()[0]).toBe("system");
    expect([readView().layout, useLayout.getState().base, useLayout.getState().changed]).toEqual([null, null, true]);
    expect(readDraft()).not.toBeNull();
  });
});

describe("named by the address", () => {
  test("it is shown, and what the address says of a panel counts", async () => {
    openPanel("chart");
    changeView({ metrics: { "chart-1": ["loss"] } });
    await saveLayout("a");
    resetLayout();
    changeView({ layout: "a", metrics: { "chart-1": ["accuracy"] } });
    await followAddress();
    expect(openPanels()).toContain("chart-1");
    expect(readView()).toMatchObject({ layout: "a", metrics: { "chart-1": ["accuracy"] } });
  });

  test("it has its place for a chart that the address speaks of, too", async () => {
    openPanel("chart");
    movePanel("runs", "right");
    changeView({ metrics: { "chart-1": ["loss"] } });
    await saveLayout("a");
    const before = openPanels();
    resetLayout();
    changeView({ layout: "a", metrics: { "chart-1": ["loss"] } });
    const following = followAddress();
    openMentioned();
    await following;
    expect(openPanels()).toEqual(before);
    expect([readView().layout, useLayout.getState().changed]).toEqual(["a", false]);
  });

  test("one that is not there does not keep a chart from opening", async () => {
    changeView({ layout: "none", metrics: { "chart-1": ["loss"] } });
    await followAddress();
    expect(openPanels()).toContain("chart-1");
    expect(useLayout.getState().notice).toBe("Layout none: There is no layout none.");
  });

  test("one that is not there is told of", async () => {
    changeView({ layout: "none" });
    await followAddress();
    expect(useLayout.getState().notice).toBe("Layout none: There is no layout none.");
    movePanel("runs", "right");
    expect(useLayout.getState().notice).toBeNull();
  });

  test("who went on meanwhile is not interrupted", async () => {
    await saveLayout("a");
    resetLayout();
    changeView({ layout: "a" });
    const following = followAddress();
    movePanel("runs", "right");
    await following;
    expect(openPanels()[0]).toBe("system");
  });
});

test("a file holds the layout, and brings it back", async () => {
  let file: Blob | null = null;
  URL.createObjectURL = (blob) => {
    file = blob as Blob;
    return "blob:x";
  };
  URL.revokeObjectURL = () => undefined;
  const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    expect(this.download).toBe("a-b-c.json");
  });
  movePanel("runs", "right");
  await saveLayout("a b/c");
  exportLayout();
  expect(click).toHaveBeenCalledOnce();
  const text = await new Promise<string>((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.readAsText(file as unknown as Blob);
  });
  resetLayout();
  importLayout(text);
  expect(openPanels()[0]).toBe("system");
  expect(useLayout.getState()).toMatchObject({ base: null, changed: true });
  expect(() => importLayout("{}")).toThrow("version: undefined is not known here; this page reads 1.");
});

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useEffect } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hostOf } from "../../layout/hosts";
import { useScreen } from "../../layout/screen";
import { closePanel, maximise, movePanel, openPanel, openPanels, popIn, popOut, resetLayout } from "../../layout/store";
import { changeView, readView } from "../../state/view";
import { LayoutView } from "./LayoutView";
import { Panel } from "./Panel";

const mounted: string[] = [];

vi.mock("./contents", () => ({
  PanelContent: ({ id }: { id: string }) => {
    useEffect(() => {
      mounted.push(id);
    }, [id]);
    return <Panel id={id}>in {id}</Panel>;
  },
}));

beforeEach(() => {
  window.history.replaceState(null, "", "#/");
  resetLayout();
  useScreen.getState().activate("runs");
  mounted.length = 0;
});

afterEach(() => {
  vi.unstubAllGlobals();
  cleanup();
});

const shown = () => screen.getAllByRole("region").map((panel) => panel.dataset.panel);
const number = (id: string) => document.querySelector(`#panel-${id} [aria-haspopup]`)?.textContent;

test("panels stand in reading order, with their numbers", () => {
  render(<LayoutView />);
  expect(shown()).toEqual(openPanels());
  expect(["runs", "actions"].map(number)).toEqual(["1", "8"]);
  expect(hostOf("events").style.left).toMatch(/^66\.6/);
});

test("nothing is drawn anew when a panel moves, fills the screen, or comes back from its own window", () => {
  render(<LayoutView />);
  const before = document.getElementById("panel-loss");
  const frame = document.body.appendChild(document.createElement("iframe"));
  vi.spyOn(window, "open").mockReturnValue(frame.contentWindow as Window & typeof globalThis);
  const steps = [
    () => movePanel("loss", "right"),
    () => movePanel("loss", "tab", "actions"),
    () => movePanel("loss", "left"),
    () => maximise("loss"),
    () => maximise(null),
    () => popOut("loss"),
    () => popIn("loss"),
  ];
  for (const step of steps) act(step);
  expect(document.getElementById("panel-loss")).toBe(before);
  expect(mounted.toSorted()).toEqual(openPanels().toSorted());
  frame.remove();
});

test("nothing is drawn anew when another panel opens and closes beside it", () => {
  render(<LayoutView />);
  Element.prototype.scrollIntoView = () => undefined; // jsdom has none
  const before = document.getElementById("panel-loss");
  const known = mounted.length;
  for (const time of [1, 2]) {
    act(() => void openPanel("console", "loss"));
    act(() => closePanel("console-1"));
    expect(mounted.slice(known)).toEqual(Array(time).fill("console-1"));
  }
  expect(document.getElementById("panel-loss")).toBe(before);
});

test("the focus stays in a panel that moves", () => {
  render(<LayoutView />);
  document.getElementById("panel-runs")?.focus();
  act(() => movePanel("runs", "bottom"));
  expect(document.activeElement?.id).toBe("panel-runs");
  expect(shown().indexOf("runs")).toBe(3);
});

test("a panel that the address has fill the screen is alone", () => {
  window.history.replaceState(null, "", "#/?max=loss");
  render(<LayoutView />);
  expect(shown()).toEqual(["loss"]);
  expect(screen.queryAllByRole("separator")).toEqual([]);
  fireEvent.click(screen.getByRole("button", { name: "Restore LOSS PLOT" }));
  expect(shown()).toHaveLength(8);
  expect(window.location.hash).toBe("#/");
});

test("a closed panel is gone, and the next ones are counted anew", () => {
  render(<LayoutView />);
  act(() => void closePanel("system"));
  expect(shown()).not.toContain("system");
  expect(number("events")).toBe("2");
});

test("a line between panels moves with the arrow keys and makes all equal", () => {
  render(<LayoutView />);
  const line = screen.getByRole("separator", { name: "Between RUN LIST and SYSTEM STATUS" });
  const value = () => Number(line.getAttribute("aria-valuenow"));
  expect([value(), line.getAttribute("aria-orientation")]).toEqual([50, "vertical"]);
  fireEvent.keyDown(line, { key: "ArrowRight" });
  expect(value()).toBe(52);
  fireEvent.keyDown(line, { key: "ArrowLeft", shiftKey: true });
  expect(value()).toBe(42);
  fireEvent.keyDown(line, { key: "ArrowUp" });
  expect(value()).toBe(42);
  fireEvent.doubleClick(line);
  expect(value()).toBe(50);
  const below = screen.getByRole("separator", { name: "Between RUN LIST and LOSS PLOT" });
  fireEvent.keyDown(below, { key: "ArrowDown" });
  expect([below.getAttribute("aria-orientation"), below.getAttribute("aria-valuenow")]).toEqual(["horizontal", "48"]);
});

test("panels at one place have tabs, of which the arrow keys choose", () => {
  vi.spyOn(window, "requestAnimationFrame").mockImplementation((draw) => {
    draw(0);
    return 0;
  });
  render(<LayoutView />);
  act(() => movePanel("loss", "tab", "actions"));
  expect(screen.getAllByRole("tab").map((tab) => tab.textContent)).toEqual(["ACTIONS", "LOSS PLOT"]);
  expect(screen.getByRole("tab", { selected: true }).textContent).toBe("LOSS PLOT");
  expect(screen.getByRole("tabpanel").id).toBe(
    screen.getByRole("tab", { selected: true }).getAttribute("aria-controls"),
  );
  fireEvent.keyDown(screen.getByRole("tab", { selected: true }), { key: "ArrowRight" });
  expect(screen.getByRole("tab", { selected: true }).textContent).toBe("ACTIONS");
  expect(screen.getByRole("tabpanel").dataset.panel).toBe("actions");
});

test("the menu of a panel moves it, and says why it can't", () => {
  render(<LayoutView />);
  const open = () => fireEvent.click(screen.getByRole("button", { name: /LOSS PLOT: move/ }));
  open();
  expect(document.activeElement?.textContent).toBe("Move left");
  fireEvent.keyDown(screen.getByRole("menu"), { key: "ArrowDown" });
  expect(document.activeElement?.textContent).toBe("Move right");
  fireEvent.click(document.activeElement as Element);
  expect(shown().slice(3, 5)).toEqual(["rate", "loss"]);
  expect(screen.queryByRole("menu")).toBeNull();
  vi.spyOn(window, "open").mockReturnValue(null);
  open();
  fireEvent.click(screen.getByRole("menuitem", { name: "Pop out" }));
  expect(screen.getByRole("alert").textContent).toContain("allow pop-ups");
});

test("on a phone all panels lie side by side, the run list first, without lines and menus", () => {
  vi.stubGlobal("matchMedia", () => ({ matches: true, addEventListener() {}, removeEventListener() {} }));
  act(() => movePanel("runs", "tab", "actions"));
  render(<LayoutView />);
  const ids = [...document.querySelectorAll<HTMLElement>("[data-host]")].map((host) => host.dataset.host);
  expect(ids).toEqual(["runs", "system", "events", "loss", "rate", "config", "checkpoints", "actions"]);
  expect(screen.queryAllByRole("separator")).toEqual([]);
  expect(screen.queryAllByRole("button", { name: /move, pop out/ })).toEqual([]);
  expect(hostOf("actions").hidden).toBe(false);
});

test("a layout that nobody saved comes back with what its panels showed", () => {
  render(<LayoutView />);
  act(() => {
    openPanel("chart");
    changeView({ metrics: { "chart-1": ["val/loss"], loss: ["a"] } });
  });
  cleanup();
  window.history.replaceState(null, "", "#/?m.loss=b");
  render(<LayoutView />);
  expect(readView().metrics).toEqual({ "chart-1": ["val/loss"], loss: ["b"] });
  act(() => resetLayout());
  cleanup();
  window.history.replaceState(null, "", "#/");
  render(<LayoutView />);
  expect(readView().metrics).toEqual({});
});

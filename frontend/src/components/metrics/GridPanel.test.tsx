import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { changeView, readView } from "../../state/view";
import { aSelection } from "../fixtures";
import { ChartPanel } from "./ChartPanel";
import { GridPanel } from "./GridPanel";

const known = vi.hoisted(() => ({ names: [] as string[] }));

vi.mock("../layout/Panel", () => ({
  Panel: ({ about, controls, children }: Record<string, ReactNode>) => (
    <section>
      {about}
      {controls}
      {children}
    </section>
  ),
}));
vi.mock("./MetricsChart", () => ({ MetricsChart: ({ metric }: { metric: string }) => <i data-chart={metric} /> }));
vi.mock("../../hooks/useSelection", () => ({
  useSelection: () => aSelection({ selected: "a", compared: ["a", "b"] }),
}));
vi.mock("../../hooks/useNames", async (original) => ({
  ...(await original<object>()),
  useSettled: (text: string) => text,
  useNames: () => ({ names: known.names, total: known.names.length, loading: false }),
  useMeantNames: (_: string, chosen: readonly string[]) => chosen,
}));

beforeEach(() => {
  window.history.replaceState(null, "", "#/");
  localStorage.clear();
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(900);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(900);
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  HTMLElement.prototype.scrollTo = () => undefined;
  known.names = ["val/loss", "train/loss", ...Array.from({ length: 100_000 }, (_, at) => `layer.${at}/norm`)];
});
afterEach(cleanup);

const cells = () => [...document.querySelectorAll("[data-metric]")].map((cell) => cell.getAttribute("data-metric"));
const section = (name: RegExp) => screen.getByRole("button", { name });
const search = (value: string) =>
  fireEvent.change(screen.getByRole("textbox", { name: "Search metrics" }), { target: { value } });

test("of 100,000 metrics only those in view are charts, in sections", async () => {
  render(<GridPanel panelId="grid-1" />);
  expect(screen.getByText("100,002")).toBeTruthy();
  expect(cells().slice(0, 5)).toEqual(["train/loss", "val/loss", "layer.0/norm", "layer.1/norm", "layer.2/norm"]);
  expect(cells().length).toBeLessThan(20);
  await waitFor(() => expect(document.querySelectorAll("[data-chart]").length).toBe(cells().length));
});

test("a section closes, and is closed the next time", () => {
  const { unmount } = render(<GridPanel panelId="grid-1" />);
  fireEvent.click(section(/^layer/));
  expect(cells()).toEqual(["train/loss", "val/loss"]);
  unmount();
  render(<GridPanel panelId="grid-1" />);
  expect(section(/^layer/).getAttribute("aria-expanded")).toBe("false");
  expect(cells()).toEqual(["train/loss", "val/loss"]);
});

test("what is searched is in the address, and another address is shown", () => {
  render(<GridPanel panelId="grid-1" />);
  search("layer.9999?/norm /^val/");
  expect(screen.getByText("11 of 100,002")).toBeTruthy();
  expect(readView().metrics).toEqual({ "grid-1": ["layer.9999?/norm", "/^val/"] });
  act(() => changeView({ metrics: { "grid-1": ["train/loss"] } }));
  expect(cells()).toEqual(["train/loss"]);
  search("nothing like it");
  expect(screen.getByText("No metric fits.")).toBeTruthy();
});

test("a section that somebody left in another shape is no harm", () => {
  localStorage.setItem("stepwire.sections", "[1");
  render(<GridPanel panelId="grid-1" />);
  expect(cells().length).toBeGreaterThan(0);
});

test("up to three metrics of a chart panel share its height, more are a grid", async () => {
  changeView({ metrics: { "chart-1": ["a", "b", "c"] } });
  render(<ChartPanel panelId="chart-1" />);
  expect(document.querySelectorAll("[data-chart]")).toHaveLength(3);
  act(() => changeView({ metrics: { "chart-1": ["a", "b", "c", "d"] } }));
  expect(cells()).toEqual(["a", "b", "c", "d"]);
});

test("a chart panel without metrics asks for some", () => {
  render(<ChartPanel panelId="chart-1" />);
  expect(screen.getAllByRole("button", { name: "Choose metrics" }).length).toBeGreaterThan(0);
});

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { changeView, readView } from "../../state/view";
import type { MetricsChartProps } from "./MetricsChart";
import { MetricsHistory } from "./MetricsHistory";

const known = vi.hoisted(() => ({ names: [] as string[], more: false }));

vi.mock("./MetricsChart", () => ({
  MetricsChart: ({ metric, window, logScale, onScale }: MetricsChartProps) => (
    <button type="button" onClick={() => onScale?.(true)}>{`${metric} ${window} ${logScale}`}</button>
  ),
}));
vi.mock("../../hooks/useLiveValue", () => ({ useMetricNames: () => known.names }));
vi.mock("../../hooks/useRuns", () => ({ useRun: () => ({ more: known.more }) }));
vi.mock("../../hooks/useNames", () => ({ useMeantNames: (_: string, chosen: readonly string[]) => chosen }));
vi.mock("./MetricPicker", () => ({
  MetricPicker: ({ chosen, onChange }: { chosen: readonly string[]; onChange(chosen: readonly string[]): void }) => (
    <button type="button" onClick={() => onChange([...chosen, "mfu"])}>
      add mfu
    </button>
  ),
}));

const tabs = [
  { label: "lr + grad_norm", metrics: ["lr", "grad_norm"] },
  { label: "tok/s", metrics: ["tok/s"] },
];
const charts = () => screen.queryAllByText(/(all|100|1000) (true|false|auto)$/).map((chart) => chart.textContent);
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));
const history = (given = tabs) => <MetricsHistory panelId="rate" runs={["a"]} tabs={given} />;

beforeEach(() => {
  window.history.replaceState(null, "", "#/");
  known.names = ["lr", "grad_norm", "tok/s", "mfu"];
  known.more = false;
  // jsdom has dialogs that can't be opened.
  HTMLDialogElement.prototype.showModal = () => undefined;
  HTMLDialogElement.prototype.close = () => undefined;
});
afterEach(cleanup);

test("a tab shows its metrics below one another, and others on demand; the address keeps which", () => {
  render(history());
  expect(charts()).toEqual(["lr all auto", "grad_norm all auto"]);
  press("tok/s");
  expect(charts()).toEqual(["tok/s all auto"]);
  expect(screen.getByRole("button", { name: "tok/s" }).getAttribute("aria-pressed")).toBe("true");
  expect(readView().metrics).toEqual({ rate: ["tok/s"] });
  press("lr + grad_norm");
  expect(readView().metrics).toEqual({});
});

test("metrics that are none of the tabs' get one of their own, which goes when a tab is chosen", async () => {
  render(history());
  press("tok/s");
  press("Choose metrics");
  fireEvent.click(await screen.findByText("add mfu"));
  expect(readView().metrics).toEqual({ rate: ["tok/s", "mfu"] });
  expect(charts()).toEqual(["tok/s all auto", "mfu all auto"]);
  expect(screen.getByRole("button", { name: "tok/s + mfu" }).getAttribute("aria-pressed")).toBe("true");
  press("tok/s");
  expect(screen.queryByRole("button", { name: "tok/s + mfu" })).toBeNull();
});

test("window, scale, smoothing and axis are the page's, for all charts", () => {
  render(history(tabs.slice(1)));
  act(() => changeView({ zoom: [1, 2] }));
  press("1K");
  press("LOG Y");
  expect(charts()).toEqual(["tok/s 1000 true"]);
  expect(readView()).toMatchObject({ window: 1000, logScale: true, zoom: null });
  for (const weight of [0.6, 0.9, 0.97, 0]) {
    press(/^EMA/);
    expect(readView().smoothing).toBe(weight);
  }
  for (const axis of ["relative", "wall", "step"]) {
    press(/^X axis/);
    expect(readView().xAxis).toBe(axis);
  }
});

test("where the chart itself chose a logarithmic scale the button ends it", () => {
  render(history(tabs.slice(1)));
  fireEvent.click(screen.getByText("tok/s all auto"));
  expect(screen.getByRole("button", { name: "LOG Y" }).getAttribute("aria-pressed")).toBe("true");
  press("LOG Y");
  expect(charts()).toEqual(["tok/s all false"]);
});

test("a choice that the next run lacks gives way to its first tab, unless the page knows a part of its metrics only", () => {
  changeView({ metrics: { rate: ["layer.7/norm"] } });
  const { rerender } = render(history());
  expect(charts()).toEqual(["lr all auto", "grad_norm all auto"]);
  known.more = true;
  rerender(history());
  expect(charts()).toEqual(["layer.7/norm all auto"]);
});

test("a frame puts the controls into a panel's heading", () => {
  render(
    <MetricsHistory
      panelId="rate"
      runs={["a"]}
      tabs={tabs}
      frame={(controls, body) => (
        <section>
          <header>{controls}</header>
          {body}
        </section>
      )}
    />,
  );
  expect(screen.getByRole("banner").querySelectorAll("button")).toHaveLength(9);
});

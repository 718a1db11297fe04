import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { MetricsChartProps } from "./MetricsChart";
import { MetricsHistory } from "./MetricsHistory";

vi.mock("./MetricsChart", () => ({
  MetricsChart: ({ metric, window, logScale }: MetricsChartProps) => <p>{`${metric} ${window} ${logScale}`}</p>,
}));

afterEach(cleanup);

const tabs = [
  { label: "lr + grad_norm", metrics: ["lr", "grad_norm"] },
  { label: "tok/s", metrics: ["tok/s"] },
];
const charts = () => screen.queryAllByText(/(all|100|1000) (true|auto)$/).map((chart) => chart.textContent);
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));

test("a tab shows its metrics below one another, and others on demand", () => {
  render(<MetricsHistory runs={["a"]} tabs={tabs} />);
  expect(charts()).toEqual(["lr all auto", "grad_norm all auto"]);
  press("tok/s");
  expect(charts()).toEqual(["tok/s all auto"]);
  expect(screen.getByRole("button", { name: "tok/s" }).getAttribute("aria-pressed")).toBe("true");
});

test("window and scale go to the chart", () => {
  render(<MetricsHistory runs={["a"]} tabs={tabs.slice(1)} />);
  press("1K");
  press("LOG Y");
  expect(charts()).toEqual(["tok/s 1000 true"]);
});

test("a chosen tab that the next run lacks gives way to its first", () => {
  const { rerender } = render(<MetricsHistory runs={["a"]} tabs={tabs} />);
  press("tok/s");
  rerender(<MetricsHistory runs={["b"]} tabs={tabs.slice(0, 1)} />);
  expect(charts()).toEqual(["lr all auto", "grad_norm all auto"]);
});

test("a frame puts the controls into a panel's heading", () => {
  render(
    <MetricsHistory
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
  expect(screen.getByRole("banner").querySelectorAll("button")).toHaveLength(6);
});

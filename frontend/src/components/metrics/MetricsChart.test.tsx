import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { ChartHost } from "../../charts/chart";
import type { Line } from "../../charts/line";
import type { Source } from "../../charts/source";
import { MetricsChart } from "./MetricsChart";

const seen = vi.hoisted(() => ({ host: null as unknown, source: null as unknown }));

vi.mock("../../charts/chart", () => ({
  LineChart: class {
    constructor(_root: unknown, _place: unknown, host: unknown) {
      seen.host = host;
    }
    change() {}
    repaint() {}
    destroy() {}
  },
}));
vi.mock("../../hooks/useMetrics", () => {
  const handles = new Map<string, object>();
  const handleOf = (metric: string) => ({ metric, sourceOf: () => seen.source, attach: () => () => undefined });
  return {
    useMetrics: ({ metric }: { metric: string }) => {
      const handle = handles.get(metric) ?? handleOf(metric);
      handles.set(metric, handle);
      return handle;
    },
  };
});
vi.mock("../../hooks/useMarks", () => ({ useMarks: () => [] }));
vi.mock("../../hooks/useRuns", () => ({ useRunFacts: () => [] }));
vi.mock("../../hooks/useSelection", () => ({
  useSelection: () => ({ colourOf: () => "gold", dashOf: () => [], selected: "a" }),
}));

afterEach(cleanup);

const draw = () => (seen.host as ChartHost).sourceOf({ runId: "a" } as Line, null);

test("a chart says that there are no points only once that is known", () => {
  const { rerender } = render(<MetricsChart runs={["a"]} metric="loss" window="all" />);
  draw();
  expect(screen.getByText("reading loss…")).toBeTruthy();
  seen.source = {} as Source;
  draw();
  expect(screen.getByText("no loss yet")).toBeTruthy();
  seen.source = null;
  rerender(<MetricsChart runs={["a"]} metric="lr" window="all" />);
  draw();
  expect(screen.getByText("reading lr…")).toBeTruthy();
});

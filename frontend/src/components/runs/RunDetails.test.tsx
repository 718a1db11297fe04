import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Surroundings } from "../../services/types";
import { changeView, readView } from "../../state/view";
import { aRun, withLayout } from "../fixtures";
import { RunDetails } from "./RunDetails";

const state = vi.hoisted(() => ({ surroundings: {} as Record<string, Surroundings> }));

vi.mock("../../hooks/useSurroundings", () => ({
  useSurroundings: (run: { id: string } | null) => state.surroundings[run?.id ?? ""] ?? null,
}));
vi.mock("../metrics/MetricsTable", () => ({
  MetricsTable: ({ runId, text }: { runId: string; text: string }) => <p>{`values of ${runId} like ${text}`}</p>,
}));

const where = (packages: Record<string, string>) => ({ run_id: "run_1", attempt: 1, time: 1, packages });
const run = aRun({ config: { lr: 0.1, seed: 1 }, tags: ["sota", "<b>"], notes: "first\ntry" });
const other = aRun({ id: "run_2", number: 2, name: "second", config: { lr: 0.2, seed: 1 } });
const third = aRun({ id: "run_3", number: 3, name: "third" });

beforeEach(() => {
  withLayout();
  window.location.hash = "";
  state.surroundings = { run_1: where({ numpy: "2.4" }), run_2: where({ numpy: "2.3" }) };
});
afterEach(cleanup);

const show = (against: typeof other | null = other) =>
  render(
    <RunDetails
      run={run}
      other={against}
      others={{ drawn: [other], project: [other, third] }}
      frame={(controls, body) => (
        <div data-panel="config">
          {controls}
          {body}
        </div>
      )}
    />,
  );
const names = () => [...document.querySelectorAll("dt")].map((name) => name.textContent);

test("FULL has the config and what is told of the run, tags each in a frame, and no mark of changes", () => {
  show();
  expect(names()).toEqual(expect.arrayContaining(["lr", "seed", "tags", "notes"]));
  expect(screen.getByText("<b>").className).toContain("tag");
  expect(document.querySelector("s")).toBeNull();
});

test("DIFF has only what differs, in config and environment; the tab stands in the address", () => {
  show();
  fireEvent.click(screen.getByRole("button", { name: "DIFF" }));
  expect(readView().tab).toBe("DIFF");
  expect(names()).toEqual(["lr", "numpy"]);
  expect([...document.querySelectorAll("s")].map((old) => old.textContent)).toEqual(["0.2", "2.3"]);
  expect(screen.getByText("1 changed vs")).toBeTruthy();
});

test("whom it is held against is chosen among the runs drawn and those of the project, each once", () => {
  show();
  const choice = screen.getByRole<HTMLSelectElement>("combobox", { name: "Held against" });
  expect([...choice.options].map(({ text }) => text)).toEqual(["R2 second", "R3 third"]);
  fireEvent.change(choice, { target: { value: "run_3" } });
  expect(readView().against).toBe("run_3");
});

test("with nobody to hold it against there is no DIFF, whatever the address says", () => {
  changeView({ tab: "DIFF" });
  show(null);
  expect(screen.queryByRole("button", { name: "DIFF" })).toBeNull();
  expect(screen.getByRole("button", { name: "FULL" }).getAttribute("aria-pressed")).toBe("true");
});

test("a text narrows any tab down, packages among them, and goes to the table of values", async () => {
  show();
  act(() => changeView({ tab: "ENV" }));
  const field = screen.getByRole("searchbox");
  fireEvent.change(field, { target: { value: "nump" } });
  expect(names()).toEqual(["numpy"]);
  fireEvent.change(field, { target: { value: "nowhere" } });
  expect(screen.getByText("Nothing fits the filter.")).toBeTruthy();
  act(() => changeView({ tab: "LAST" }));
  expect(await screen.findByText("values of run_1 like nowhere")).toBeTruthy();
});

test("the same config in the same place says so", () => {
  state.surroundings = {};
  changeView({ tab: "DIFF" });
  show({ ...other, config: run.config });
  expect(screen.getByText("Config and environment are the same.")).toBeTruthy();
});

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Surroundings } from "../../services/types";
import { changeView, readView } from "../../state/view";
import { aRun, withLayout } from "../fixtures";
import { RunDetails } from "./RunDetails";

const state = vi.hoisted(() => ({
  surroundings: {} as Record<string, Surroundings>,
  loading: false,
  error: null as string | null,
}));

vi.mock("../../hooks/useSurroundings", () => ({
  useSurroundings: (run: { id: string } | null) => ({
    surroundings: state.surroundings[run?.id ?? ""] ?? null,
    loading: state.loading,
    error: state.error,
  }),
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
  Object.assign(state, { loading: false, error: null });
  state.surroundings = { run_1: where({ numpy: "2.4" }), run_2: where({ numpy: "2.3" }) };
});
afterEach(cleanup);

const details = (against: typeof other | null = other) => (
  <RunDetails
    run={run}
    loading={false}
    other={against}
    others={{ drawn: [other], project: [other, third] }}
    frame={(controls, body) => (
      <div data-panel="config">
        {controls}
        {body}
      </div>
    )}
  />
);
const nobody = (loading: boolean) => (
  <RunDetails run={null} loading={loading} other={null} others={{ drawn: [], project: [] }} frame={(_, body) => body} />
);
const show = (against?: typeof other | null) => render(details(against));
const names = () => [...document.querySelectorAll("dt")].map((name) => name.textContent);

test("a run that is on its way is not called none", () => {
  const { rerender } = render(nobody(true));
  expect(screen.getByRole("status", { name: "Loading config" })).toBeTruthy();
  expect(screen.queryByText("No run selected.")).toBeNull();
  rerender(nobody(false));
  expect(screen.getByText("No run selected.")).toBeTruthy();
});

test("FULL begins with tags, each in a frame, and notes, then the config without a mark of changes", () => {
  show();
  expect(names().slice(0, 4)).toEqual(["tags", "notes", "lr", "seed"]);
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
  state.surroundings.run_2 = where({ numpy: "2.4" });
  changeView({ tab: "DIFF" });
  const { rerender } = show({ ...other, config: run.config });
  expect(screen.getByText("Config and environment are the same.")).toBeTruthy();
  state.surroundings = {};
  rerender(details({ ...other, config: run.config }));
  expect(screen.getByText("The config is the same. Where they ran is not known of both.")).toBeTruthy();
});

test("an environment that nobody told is said plainly, unless it is still read; a failure is told", () => {
  state.surroundings = {};
  state.loading = true;
  changeView({ tab: "ENV" });
  const { rerender } = show();
  expect(screen.queryByText(/are not known/)).toBeNull();
  state.loading = false;
  rerender(details());
  expect(screen.getByText(/Its command, code, packages and hardware are not known/)).toBeTruthy();
  state.error = "The server does not answer.";
  rerender(details());
  expect(screen.getByText("The server does not answer.").className).toContain("bad");
});

test("what git did not know is folded away", () => {
  state.surroundings.run_1 = { ...where({}), git: { commit: "28901c0", dirty: true, diff: "@@ -1 +1 @@\n-a\n+b" } };
  changeView({ tab: "ENV" });
  show();
  const folded = screen.getByText("UNCOMMITTED CHANGES").closest("details") as HTMLDetailsElement;
  expect(folded.open).toBe(false);
  expect(folded.querySelector(".good")?.textContent).toContain("+b");
});

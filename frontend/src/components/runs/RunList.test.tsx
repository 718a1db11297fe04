import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { RunActions } from "../../hooks/useRunActions";
import type { Selection } from "../../hooks/useSelection";
import type { Run } from "../../services/types";
import { changeView, readView } from "../../state/view";
import { aRun, aSelection, withLayout } from "../fixtures";
import { RunList } from "./RunList";

vi.mock("../../hooks/useLiveValue", () => ({
  useMetricNames: () => ["train/loss"],
  useLatest: () => ({ value: 0.5, step: 120, time: 0, previous: 0.6 }),
  useChange: () => ({ now: 0.5, before: 0.75 }),
  useTrend: () => [3, 2, 1],
}));

beforeEach(() => {
  withLayout();
  window.location.hash = "";
});
afterEach(cleanup);
// They come when they are asked for, which may take longer than a test waits.
beforeAll(() => import("./RunListDialogs"));

const runs = [
  aRun({ id: "c", number: 3, name: "third" }),
  aRun({ id: "b", number: 2, name: "<b>second</b>", status: "completed", end_time: "2026-11-23T14:02:00Z" }),
  aRun({ id: "a", number: 1, name: "first", health: "stalled" }),
];

const someActions = (): RunActions => ({
  markBest: vi.fn(async () => {}),
  deleteRun: vi.fn(async () => {}),
  rename: vi.fn(async () => {}),
  setTags: vi.fn(async () => {}),
  setNotes: vi.fn(async () => {}),
  deleteRuns: vi.fn(async () => {}),
  undeleteRuns: vi.fn(async () => {}),
});

function show(selection: Selection, actions = someActions(), listed = runs) {
  return render(list(selection, actions, listed));
}

function list(selection: Selection, actions: RunActions, listed: typeof runs) {
  return (
    <RunList
      runs={listed}
      counts={{ running: 2, completed: 1 }}
      loading={false}
      error={null}
      selection={selection}
      actions={actions}
      ageOf={() => 12_000}
      frame={(about, controls, body) => (
        <section data-panel="runs">
          {about}
          {controls}
          {body}
        </section>
      )}
    />
  );
}

const row = (id: string) => document.querySelector<HTMLElement>(`[data-run-id="${id}"]`) as HTMLElement;
const tabbable = () =>
  [...document.querySelectorAll("[role=row][tabindex='0']")].map((each) => each.getAttribute("data-run-id"));
const press = (key: string, held: { shiftKey?: boolean; ctrlKey?: boolean } = {}) =>
  fireEvent.keyDown(document.activeElement as Element, { key, ...held });
const shown = () => [...document.querySelectorAll("[data-run-id]")].map((each) => each.getAttribute("data-run-id"));
const marked = () => [...document.querySelectorAll("[data-marked]")].map((each) => each.getAttribute("data-run-id"));

test("j, k and the arrows walk through the rows, and only the row walked to is in the tab order", () => {
  show(aSelection({ selected: "c" }));
  expect(tabbable()).toEqual(["c"]);
  row("c").focus();
  press("j");
  expect(document.activeElement).toBe(row("b"));
  press("ArrowDown");
  press("ArrowDown");
  expect(document.activeElement).toBe(row("a"));
  press("k");
  press("ArrowUp");
  expect(tabbable()).toEqual(["c"]);
});

test("Enter selects the row that has the focus, c draws it with the selected run", () => {
  const selection = aSelection({ selected: "c" });
  show(selection);
  row("b").focus();
  press("Enter");
  expect(selection.select).toHaveBeenCalledExactlyOnceWith("b");
  press("c");
  expect(selection.toggleCompare).toHaveBeenCalledExactlyOnceWith("b");
});

test("the selected run is always drawn, so that c leaves it alone", () => {
  const selection = aSelection({ selected: "c", compared: ["c"] });
  show(selection);
  row("c").focus();
  press("c");
  expect(selection.toggleCompare).not.toHaveBeenCalled();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Draw third in the charts" }).disabled).toBe(true);
});

test("a row tells number, status, step, newest value, change and age", () => {
  show(aSelection());
  expect(row("c").textContent).toBe("R3third[● RUNNING]120/1k0.5000down 0.250012 s");
  expect(row("b").textContent).toContain("2m 00s");
  expect(row("a").textContent).toContain("STALLED");
});

test("a name that looks like markup is shown as the text it is", () => {
  show(aSelection());
  expect(row("b").querySelector("b")).toBeNull();
  expect(row("b").textContent).toContain("<b>second</b>");
});

test("LIVE leaves only what is running, and ALL brings the others back", () => {
  show(aSelection());
  fireEvent.click(screen.getByRole("button", { name: "LIVE" }));
  expect(shown()).toEqual(["c", "a"]);
  expect(screen.getByRole("button", { name: "LIVE" }).getAttribute("aria-pressed")).toBe("true");
  fireEvent.click(screen.getByRole("button", { name: "ALL" }));
  expect(shown()).toEqual(["c", "b", "a"]);
});

test("a heading sorts by its column, then the other way, then as it was, and says so", () => {
  show(aSelection());
  const heading = () => screen.getByRole("columnheader", { name: "NAME" });
  const sorts = [0, 1, 2].map(() => {
    fireEvent.click(screen.getByRole("button", { name: "NAME" }));
    return [heading().getAttribute("aria-sort"), ...shown()];
  });
  expect(sorts).toEqual([
    ["ascending", "b", "a", "c"],
    ["descending", "c", "a", "b"],
    [null, "c", "b", "a"],
  ]);
  expect(readView().sort).toBe("");
});

test("ATTN has who needs somebody first, with the reason", () => {
  const failed = aRun({
    id: "d",
    number: 0,
    name: "broken",
    status: "failed",
    end_time: new Date().toISOString(),
    reason: "OutOfMemoryError",
  });
  show(aSelection(), someActions(), [...runs, failed]);
  fireEvent.click(screen.getByRole("button", { name: "ATTN" }));
  expect(shown()).toEqual(["d", "a", "c", "b"]);
  expect(row("d").textContent).toContain("[✗ FAILED] OutOfMemoryError");
  expect(row("d").title).toContain("FAILED OutOfMemoryError");
  expect(row("c").title).not.toContain("FAILED");
});

test("f leads to the filter from anywhere in the panel, Esc empties it and leads back", () => {
  show(aSelection());
  row("c").focus();
  press("f");
  const field = screen.getByRole<HTMLInputElement>("searchbox", { name: "Filter runs" });
  expect(document.activeElement).toBe(field);
  fireEvent.change(field, { target: { value: "first" } });
  expect(shown()).toEqual(["a"]);
  press("Escape");
  expect(shown()).toEqual(["c", "b", "a"]);
  press("Escape");
  expect(document.activeElement).toBe(row("c"));
});

test("a filter that can't be read is told, and its rest filters", () => {
  changeView({ filter: "third loss<x" });
  show(aSelection());
  expect(shown()).toEqual(["c"]);
  expect(screen.getByText("loss<x: not a number.")).toBeTruthy();
  expect(screen.getByRole("searchbox").getAttribute("aria-invalid")).toBe("true");
});

test("a filter that leaves nothing says so", () => {
  changeView({ filter: "nobody" });
  show(aSelection());
  expect(screen.getByText("No run fits the filter.")).toBeTruthy();
});

test("Space marks a row, Shift and an arrow mark the way there and back, Ctrl+A all, Esc none", () => {
  const selection = aSelection({ selected: "c" });
  show(selection);
  row("c").focus();
  press(" ");
  expect(marked()).toEqual(["c"]);
  expect(row("c").getAttribute("aria-selected")).toBe("true");
  expect(row("c").textContent).toContain("marked");
  press(" ");
  expect(marked()).toEqual([]);
  press("ArrowDown", { shiftKey: true });
  press("ArrowDown", { shiftKey: true });
  expect(marked()).toEqual(["c", "b", "a"]);
  press("ArrowUp", { shiftKey: true });
  expect(marked()).toEqual(["c", "b"]);
  press("a", { ctrlKey: true });
  expect(marked()).toEqual(["c", "b", "a"]);
  press("Escape");
  expect(marked()).toEqual([]);
  expect(selection.select).not.toHaveBeenCalled();
});

test("the bar draws what is marked with the selected run", () => {
  show(aSelection({ selected: "c" }));
  fireEvent.click(screen.getByRole("button", { name: "Mark R2" }));
  fireEvent.click(row("a"), { ctrlKey: true });
  expect(screen.getByText("2 MARKED")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "DRAW" }));
  expect(readView().compared).toEqual(["c", "b", "a"]);
  fireEvent.click(screen.getByRole("button", { name: "CLEAR" }));
  expect(screen.queryByRole("toolbar")).toBeNull();
});

test("marked rows that the filter leaves out are counted", () => {
  show(aSelection());
  fireEvent.click(screen.getByRole("button", { name: "Mark R2" }));
  fireEvent.click(screen.getByRole("button", { name: "Mark R3" }));
  fireEvent.click(screen.getByRole("button", { name: "LIVE" }));
  expect(screen.getByRole("toolbar").textContent).toContain("2 MARKED (1 not shown)");
});

/** jsdom has no modal dialogs. */
function withDialogs() {
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
}

test("r renames the row's run", async () => {
  withDialogs();
  const actions = someActions();
  show(aSelection(), actions);
  row("c").focus();
  press("r");
  const field = await screen.findByLabelText<HTMLInputElement>("Name");
  expect(field.value).toBe("third");
  fireEvent.change(field, { target: { value: " " } });
  fireEvent.click(screen.getByRole("button", { name: "RENAME" }));
  expect((await screen.findByRole("alert")).textContent).toBe("A run needs a name.");
  fireEvent.change(field, { target: { value: "fourth" } });
  fireEvent.click(screen.getByRole("button", { name: "RENAME" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(actions.rename).toHaveBeenCalledExactlyOnceWith("c", "fourth");
});

test("t sets the tags of one run, and adds to and takes from those of all marked ones", async () => {
  withDialogs();
  const actions = someActions();
  const tagged = runs.map((run) => ({ ...run, tags: ["old", run.id] }));
  show(aSelection(), actions, tagged);
  row("c").focus();
  press("t");
  const field = await screen.findByLabelText<HTMLInputElement>(/^Tags/);
  expect(field.value).toBe("old, c");
  fireEvent.change(field, { target: { value: "new, c" } });
  fireEvent.click(screen.getByRole("button", { name: "TAG" }));
  await waitFor(() => expect(actions.setTags).toHaveBeenLastCalledWith("c", ["new", "c"]));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  row("c").focus();
  press("a", { ctrlKey: true });
  press("t");
  fireEvent.change(await screen.findByLabelText(/^Tags to add/), { target: { value: "keep, -old" } });
  expect(screen.getByText(/old \(3\)/)).toBeTruthy();
  fireEvent.submit(document.querySelector("form") as HTMLFormElement);
  await waitFor(() => expect(actions.setTags).toHaveBeenCalledTimes(4));
  expect(actions.setTags).toHaveBeenLastCalledWith("a", ["a", "keep"]);
});

test("n changes the notes, and tells why it can't", async () => {
  withDialogs();
  const actions = someActions();
  actions.setNotes = vi.fn(async () => {
    throw new Error("The server cannot be reached.");
  });
  show(aSelection(), actions);
  row("b").focus();
  press("n");
  fireEvent.change(await screen.findByLabelText("Notes"), { target: { value: "seen" } });
  fireEvent.click(screen.getByRole("button", { name: "SAVE" }));
  expect((await screen.findByRole("alert")).textContent).toBe("The server cannot be reached.");
  expect(actions.setNotes).toHaveBeenCalledExactlyOnceWith("b", "seen");
});

test("d asks, deletes what is marked, and u brings it back", async () => {
  withDialogs();
  const actions = someActions();
  const selection = aSelection({ selected: "b" });
  const ended = runs.map((run) => ({ ...run, status: "completed" as const }));
  show(selection, actions, ended);
  row("c").focus();
  press("ArrowDown", { shiftKey: true });
  press("d");
  const dialog = within(await screen.findByRole("dialog"));
  const button = dialog.getByRole("button", { name: "DELETE" });
  expect(dialog.queryByRole("textbox")).toBeNull();
  expect(document.activeElement).toBe(button);
  fireEvent.click(button);
  await screen.findByText("DELETED 2 RUNS");
  expect(actions.deleteRuns).toHaveBeenCalledExactlyOnceWith(["c", "b"]);
  expect(selection.select).toHaveBeenCalledExactlyOnceWith(null);
  expect(marked()).toEqual([]);
  row("a").focus();
  press("u");
  await waitFor(() => expect(screen.queryByText("DELETED 2 RUNS")).toBeNull());
  expect(actions.undeleteRuns).toHaveBeenCalledExactlyOnceWith(["c", "b"]);
});

test("d leaves everything as it is when the dialog is left", async () => {
  withDialogs();
  const actions = someActions();
  show(aSelection(), actions);
  row("b").focus();
  press("d");
  fireEvent(await screen.findByRole("dialog"), new Event("cancel"));
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(actions.deleteRuns).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(row("b"));
});

test("a run that goes on is deleted only once its number was typed: what it logs then is lost", async () => {
  withDialogs();
  const actions = someActions();
  show(aSelection(), actions);
  row("c").focus();
  press("d");
  const field = await screen.findByRole("textbox");
  fireEvent.submit(document.querySelector("form") as HTMLFormElement);
  expect(actions.deleteRuns).not.toHaveBeenCalled();
  fireEvent.change(field, { target: { value: "r3" } });
  fireEvent.submit(document.querySelector("form") as HTMLFormElement);
  await waitFor(() => expect(actions.deleteRuns).toHaveBeenCalledExactlyOnceWith(["c"]));
});

test("keys go on at the row in the place of one that is gone", () => {
  const [selection, actions] = [aSelection({ selected: "c" }), someActions()];
  const { rerender } = show(selection, actions);
  act(() => row("b").focus());
  expect(tabbable()).toEqual(["b"]);
  rerender(
    list(
      selection,
      actions,
      runs.filter((run) => run.id !== "b"),
    ),
  );
  expect(tabbable()).toEqual(["a"]);
  expect(document.activeElement).toBe(row("a"));
  rerender(
    list(
      selection,
      actions,
      runs.filter((run) => run.id === "c"),
    ),
  );
  expect(tabbable()).toEqual(["c"]);
});

test("rows stay while their runs go on", () => {
  changeView({ sort: "-step" });
  const [third, second, first] = runs as [Run, Run, Run];
  const [selection, actions] = [aSelection(), someActions()];
  const { rerender } = show(selection, actions, [{ ...third, step: 30 }, { ...second, step: 20 }, first]);
  expect(shown()).toEqual(["a", "c", "b"]);
  rerender(list(selection, actions, [{ ...third, step: 30 }, { ...second, step: 200, name: "new" }, first]));
  expect(shown()).toEqual(["a", "c", "b"]);
  expect(row("b").textContent).toContain("new");
});

test("marks of runs that are gone count no more, and keys go on", async () => {
  const [selection, actions] = [aSelection(), someActions()];
  const { rerender } = show(selection, actions);
  row("c").focus();
  press(" ");
  rerender(list(selection, actions, runs.slice(1)));
  expect(screen.queryByRole("toolbar")).toBeNull();
  act(() => row("b").focus());
  press("t");
  expect(await screen.findByRole("dialog", { name: /R2/ })).toBeTruthy();
});

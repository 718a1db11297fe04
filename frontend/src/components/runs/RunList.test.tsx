import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Selection } from "../../hooks/useSelection";
import { aRun, aSelection, withLayout } from "../fixtures";
import { RunList } from "./RunList";

vi.mock("../../hooks/useLiveValue", () => ({
  useMetricNames: () => ["train/loss"],
  useLatest: () => ({ value: 0.5, step: 120, time: 0, previous: 0.6 }),
  useChange: () => ({ now: 0.5, before: 0.75 }),
  useTrend: () => [3, 2, 1],
}));

beforeEach(withLayout);
afterEach(cleanup);

const runs = [
  aRun({ id: "c", number: 3, name: "third" }),
  aRun({ id: "b", number: 2, name: "<b>second</b>", status: "completed", end_time: "2026-11-23T14:02:00Z" }),
  aRun({ id: "a", number: 1, name: "first", health: "stalled" }),
];

function show(selection: Selection) {
  return render(
    <RunList
      runs={runs}
      counts={{ running: 2, completed: 1 }}
      loading={false}
      error={null}
      selection={selection}
      ageOf={() => 12_000}
      frame={(about, controls, body) => (
        <>
          {about}
          {controls}
          {body}
        </>
      )}
    />,
  );
}

const row = (id: string) => document.querySelector<HTMLElement>(`[data-run-id="${id}"]`) as HTMLElement;
const tabbable = () =>
  [...document.querySelectorAll("[role=row][tabindex='0']")].map((each) => each.getAttribute("data-run-id"));
const press = (key: string) => fireEvent.keyDown(document.activeElement as Element, { key });

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

test("Enter selects the row that has the focus, c and Space draw it with the selected run", () => {
  const selection = aSelection({ selected: "c" });
  show(selection);
  row("b").focus();
  press("Enter");
  expect(selection.select).toHaveBeenCalledExactlyOnceWith("b");
  press("c");
  press(" ");
  expect(selection.toggleCompare).toHaveBeenCalledTimes(2);
  expect(selection.toggleCompare).toHaveBeenLastCalledWith("b");
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

test("LIVE leaves only what is running", () => {
  show(aSelection());
  fireEvent.click(screen.getByRole("button", { name: "LIVE" }));
  expect([...document.querySelectorAll("[data-run-id]")].map((each) => each.getAttribute("data-run-id"))).toEqual([
    "c",
    "a",
  ]);
});

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EventFilter } from "../../hooks/useEvents";
import type { LogEvent } from "../../services/types";
import { prefer } from "../../state/preferences";
import { changeView, readView } from "../../state/view";
import { anEvent, aRun, withLayout } from "../fixtures";
import { EventLog } from "./EventLog";

// Before any date is made: where this browser is.
vi.hoisted(() => {
  process.env.TZ = "America/New_York";
});
const state = vi.hoisted(() => ({ events: [] as LogEvent[], hasOlder: false, loadOlder: vi.fn() }));

vi.mock("../../hooks/useEvents", () => ({
  useEvents: ({ levels, runId }: EventFilter = {}) => ({
    events: state.events.filter(
      (event) => (levels?.includes(event.level) ?? true) && (runId === undefined || event.run_id === runId),
    ),
    loading: false,
    error: null,
    hasOlder: state.hasOlder,
    loadOlder: state.loadOlder,
  }),
}));

const traceback = { traceback: "Traceback (most recent call last):\n  ZeroDivisionError" };

beforeEach(() => {
  withLayout();
  window.location.hash = "";
  state.hasOlder = false;
  state.loadOlder.mockReset();
  state.events = [
    anEvent({ id: 4, level: "error", event: "traceback", message: "ZeroDivisionError", data: traceback, step: 309 }),
    anEvent({ id: 3, level: "warning", source: "server", message: "gap of 12 points", run_id: "run_2" }),
    anEvent({ id: 2, source: "checkpoint", event: "checkpoint_saved", message: "ckpt_0001 saved" }),
    anEvent({ id: 1 }),
  ];
});
afterEach(cleanup);
afterEach(() => prefer("zone", "UTC"));

const turn = vi.fn();
const log = () => (
  <EventLog
    runs={[aRun(), aRun({ id: "run_2", number: 2, name: "second" })]}
    selected="run_1"
    onTurn={turn}
    frame={(about, controls, body) => (
      <div data-panel="events">
        {about}
        {controls}
        {body}
      </div>
    )}
  />
);
const lines = () =>
  [...(screen.queryByRole("log")?.querySelectorAll("time") ?? [])].map((time) => time.parentElement?.textContent);
const filter = (events: string) => act(() => changeView({ events }));

test("each line tells time, kind, run, message and step, newest first", () => {
  render(log());
  expect(lines()).toHaveLength(4);
  expect(lines()[0]).toMatch(/ERRfirst ZeroDivisionErrorstep @309$/);
  expect(lines()[2]).toMatch(/^\d\d:\d\d:\d\d\.\d{3}CKPfirst ckpt_0001 saved$/);
});

test("a level shows its lines alone, its button how many there are, and a second press all of them", () => {
  render(log());
  fireEvent.click(screen.getByRole("button", { name: "WRN 1" }));
  expect(lines()).toHaveLength(1);
  expect(lines()[0]).toContain("gap of 12 points");
  fireEvent.click(screen.getByRole("button", { name: "INF 2" }));
  expect(lines()).toHaveLength(2);
  fireEvent.click(screen.getByRole("button", { name: "INF 2" }));
  expect(lines()).toHaveLength(4);
});

test("source, run and words narrow it down together, and stand in the address", () => {
  render(log());
  fireEvent.click(screen.getByRole("button", { name: "RUN" }));
  expect(lines()).toHaveLength(3);
  fireEvent.change(screen.getByRole("combobox", { name: "Source" }), { target: { value: "run" } });
  expect(lines()).toHaveLength(2);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: `${readView().events} zero` } });
  expect(readView().events).toBe("source:run run:this zero");
  expect(lines()).toHaveLength(1);
});

test("the sources to choose are those that something came from, or all while older events were not read", () => {
  const { rerender } = render(log());
  const titles = () =>
    [...screen.getByRole<HTMLSelectElement>("combobox", { name: "Source" }).options].map(({ text }) => text);
  expect(titles()).toEqual(["SOURCE", "RUN", "SERVER", "CHECKPOINT"]);
  state.hasOlder = true;
  rerender(log());
  expect(titles()).toEqual(expect.arrayContaining(["SDK", "COMMAND", "SYSTEM"]));
});

test("f leads to the filter, Esc empties it, and what can't be read is told", () => {
  render(log());
  const field = screen.getByRole<HTMLInputElement>("searchbox");
  fireEvent.keyDown(screen.getByRole("log"), { key: "f" });
  expect(document.activeElement).toBe(field);
  fireEvent.change(field, { target: { value: "level:loud" } });
  expect(field.getAttribute("aria-invalid")).toBe("true");
  expect(lines()).toHaveLength(4);
  fireEvent.keyDown(field, { key: "Escape" });
  expect(readView().events).toBe("");
});

test("while few lines fit, older ones are read; without words the server has chosen already", () => {
  state.hasOlder = true;
  render(log());
  filter("level:error");
  expect(state.loadOlder).not.toHaveBeenCalled();
  filter("nowhere");
  expect(state.loadOlder).toHaveBeenCalledOnce();
  expect(screen.getByText("No event fits the filter.")).toBeTruthy();
});

test("a traceback opens by click and closes by Enter", () => {
  render(log());
  const line = screen.getAllByText(/ZeroDivisionError/)[0]?.parentElement as HTMLElement;
  fireEvent.click(line);
  expect(screen.getByText(/Traceback \(most recent call last\)/)).toBeTruthy();
  expect(line.dataset.open).toBe("true");
  line.focus();
  fireEvent.keyDown(line, { key: "Enter" });
  expect(screen.queryByText(/Traceback \(most recent call last\)/)).toBeNull();
});

test("an event leads to where it happened, and is marked while the crosshair is there", () => {
  render(log());
  const line = screen.getByText(/ZeroDivisionError/).parentElement as HTMLElement;
  fireEvent.click(line);
  expect(turn).toHaveBeenLastCalledWith(state.events[0]);
  expect(line.dataset.here).toBeUndefined();
  act(() => changeView({ at: 309 }));
  expect(line.dataset.here).toBe("true");
});

test("scrolled away from the newest it holds still and counts what came, until asked to follow", () => {
  const { rerender } = render(log());
  const box = screen.getByRole("log");
  box.scrollTop = 500;
  fireEvent.scroll(box);
  state.events = [anEvent({ id: 5, message: "one more" }), ...state.events];
  rerender(log());
  expect(lines()).toHaveLength(4);
  fireEvent.click(screen.getByRole("button", { name: "1 NEW" }));
  expect(lines()[0]).toContain("one more");
  expect(screen.getByText("TAIL", { exact: false })).toBeTruthy();
});

test("Home follows again, with the newest line in focus", () => {
  const { rerender } = render(log());
  const box = screen.getByRole("log");
  box.scrollTop = 500;
  fireEvent.scroll(box);
  state.events = [anEvent({ id: 5, message: "one more" }), ...state.events];
  rerender(log());
  expect(screen.getByRole("button", { name: "1 NEW" })).toBeTruthy();
  fireEvent.keyDown(box, { key: "Home" });
  expect(lines()[0]).toContain("one more");
  expect(document.activeElement?.textContent).toContain("one more");
  expect(screen.queryByRole("button", { name: "1 NEW" })).toBeNull();
});

test("times are told in the preferred zone, and told anew when another is preferred", () => {
  render(log());
  const time = () => screen.getByRole("log").querySelector("time") as HTMLTimeElement;
  expect([time().textContent, time().title]).toEqual(["14:00:00.000", "2026-11-23 14:00 UTC"]);
  act(() => prefer("zone", "LOCAL"));
  expect([time().textContent, time().title]).toEqual(["09:00:00.000", "2026-11-23 09:00 EST"]);
  expect(time().dateTime).toBe("2026-11-23T14:00:00.000Z");
});

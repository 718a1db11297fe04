import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogEvent } from "../../services/types";
import { anEvent, aRun, withLayout } from "../fixtures";
import { EventLog } from "./EventLog";

const state = vi.hoisted(() => ({ events: [] as LogEvent[] }));

vi.mock("../../hooks/useEvents", () => ({
  useEvents: ({ levels }: { levels?: readonly string[] } = {}) => ({
    events: state.events.filter((event) => levels?.includes(event.level) ?? true),
    loading: false,
    error: null,
    hasOlder: false,
    loadOlder: () => undefined,
  }),
}));

const traceback = { traceback: "Traceback (most recent call last):\n  ZeroDivisionError" };

beforeEach(() => {
  withLayout();
  state.events = [
    anEvent({ id: 4, level: "error", event: "traceback", message: "ZeroDivisionError", data: traceback }),
    anEvent({ id: 3, level: "warning", message: "gap of 12 points" }),
    anEvent({ id: 2, event: "checkpoint_saved", message: "ckpt_0001 saved" }),
    anEvent({ id: 1 }),
  ];
});
afterEach(cleanup);

const log = () => (
  <EventLog
    runs={[aRun()]}
    frame={(about, controls, body) => (
      <>
        {about}
        {controls}
        {body}
      </>
    )}
  />
);
const lines = () =>
  [...screen.getByRole("log").querySelectorAll("time")].map((time) => time.parentElement?.textContent);

test("each line tells time, kind, run and message, newest first", () => {
  render(log());
  expect(lines()).toHaveLength(4);
  expect(lines()[2]).toMatch(/^\d\d:\d\d:\d\d\.\d{3}CKPfirst ckpt_0001 saved$/);
});

test("a level shows its lines alone, and its button how many there are", () => {
  render(log());
  fireEvent.click(screen.getByRole("button", { name: "WRN 1" }));
  expect(lines()).toHaveLength(1);
  expect(lines()[0]).toContain("gap of 12 points");
  fireEvent.click(screen.getByRole("button", { name: "INF 2" }));
  expect(lines()).toHaveLength(2);
});

test("a traceback opens by click and closes by Enter", () => {
  render(log());
  const line = screen.getAllByText(/ZeroDivisionError/)[0]?.parentElement as HTMLElement;
  fireEvent.click(line);
  expect(screen.getByText(/Traceback \(most recent call last\)/)).toBeTruthy();
  line.focus();
  fireEvent.keyDown(line, { key: "Enter" });
  expect(screen.queryByText(/Traceback \(most recent call last\)/)).toBeNull();
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

import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aRun, aSelection } from "../fixtures";
import { NotePanel } from "./NotePanel";

const state = vi.hoisted(() => ({
  run: "run_1",
  notes: "",
  save: vi.fn<(id: string, notes: string) => Promise<void>>(),
}));

vi.mock("../layout/Panel", () => ({
  Panel: ({ controls, children }: Record<string, ReactNode>) => (
    <section>
      {controls}
      {children}
    </section>
  ),
}));
vi.mock("../../hooks/useSelection", () => ({ useSelection: () => aSelection({ selected: "run_1" }) }));
vi.mock("../../hooks/useRuns", () => ({ useRun: () => aRun({ id: state.run, notes: state.notes }) }));
vi.mock("../../hooks/useRunActions", () => ({ useRunActions: () => ({ setNotes: state.save }) }));

beforeEach(() => {
  state.run = "run_1";
  state.notes = "# Plan\n- **warm up** first\n- see [paper](https://example.org/p)\n<img src=x onerror=alert(1)>";
  state.save.mockReset().mockResolvedValue();
});
afterEach(cleanup);

const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const field = () => screen.getByRole("textbox", { name: "Notes" }) as HTMLTextAreaElement;

test("notes are drawn as markdown, and what looks like HTML is text", () => {
  const { container } = render(<NotePanel panelId="note-1" />);
  expect(screen.getByRole("heading", { name: "Plan" })).toBeTruthy();
  expect(screen.getByText("warm up").tagName).toBe("STRONG");
  const link = screen.getByRole("link", { name: "paper" });
  expect([link.getAttribute("href"), link.getAttribute("rel")]).toEqual([
    "https://example.org/p",
    "noopener noreferrer",
  ]);
  expect(container.querySelector("img")).toBeNull();
  expect(screen.getByText(/<img src=x/)).toBeTruthy();
});

test("they are written and saved with Ctrl Enter", async () => {
  render(<NotePanel panelId="note-1" />);
  press("EDIT");
  expect(document.activeElement).toBe(field());
  expect(field().value).toBe(state.notes);
  fireEvent.change(field(), { target: { value: "new" } });
  fireEvent.keyDown(field(), { key: "Enter", ctrlKey: true });
  await waitFor(() => expect(screen.queryByRole("textbox")).toBeNull());
  expect(state.save.mock.calls).toEqual([["run_1", "new"]]);
});

test("Esc leaves them as they were", () => {
  render(<NotePanel panelId="note-1" />);
  press("EDIT");
  fireEvent.change(field(), { target: { value: "new" } });
  fireEvent.keyDown(field(), { key: "Escape" });
  expect(state.save).not.toHaveBeenCalled();
  expect(screen.getByRole("heading", { name: "Plan" })).toBeTruthy();
});

test("what could not be saved is still there, with the reason", async () => {
  state.save.mockRejectedValue(new Error("The server cannot be reached."));
  render(<NotePanel panelId="note-1" />);
  press("EDIT");
  fireEvent.change(field(), { target: { value: "precious" } });
  press("SAVE");
  await waitFor(() => expect(screen.getByText("The server cannot be reached.")).toBeTruthy());
  expect(field().value).toBe("precious");
});

test("a run without notes says how to begin", () => {
  state.notes = "";
  render(<NotePanel panelId="note-1" />);
  fireEvent.keyDown(screen.getByText(/No notes yet/).parentElement as HTMLElement, { key: "Enter" });
  expect(field().value).toBe("");
});

test("what is being written of a run is there again when somebody comes back to it", () => {
  const { rerender } = render(<NotePanel panelId="note-1" />);
  press("EDIT");
  fireEvent.change(field(), { target: { value: "precious" } });
  state.run = "run_2";
  rerender(<NotePanel panelId="note-1" />);
  expect(screen.queryByRole("textbox")).toBeNull();
  state.run = "run_1";
  rerender(<NotePanel panelId="note-1" />);
  expect(field().value).toBe("precious");
});

test("what is typed while notes are saved stays", async () => {
  let saved = () => {};
  state.save.mockImplementation(() => new Promise((done) => (saved = done)));
  render(<NotePanel panelId="note-1" />);
  press("EDIT");
  fireEvent.change(field(), { target: { value: "one" } });
  press("SAVE");
  fireEvent.change(field(), { target: { value: "one and two" } });
  await act(async () => saved());
  expect(field().value).toBe("one and two");
});

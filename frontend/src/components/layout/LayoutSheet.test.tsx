import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deleteLayout, loadLayout, saveLayout } from "../../layout/saved";
import { useScreen } from "../../layout/screen";
import { useLayout } from "../../layout/store";
import LayoutSheet from "./LayoutSheet";

vi.mock("../../layout/file", () => ({ exportLayout: vi.fn(), importLayout: vi.fn() }));
vi.mock("../../layout/saved", () => ({
  layoutNames: () => Promise.resolve(["<b>day</b>", "night"]),
  loadLayout: vi.fn(() => Promise.resolve()),
  saveLayout: vi.fn(() => Promise.resolve()),
  deleteLayout: vi.fn(() => Promise.reject(new Error("There is no layout night."))),
}));

beforeEach(() => {
  HTMLDialogElement.prototype.showModal = function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function (this: HTMLDialogElement) {
    this.open = false;
  };
  useScreen.getState().showLayouts(true);
  render(
    <QueryClientProvider client={new QueryClient()}>
      <LayoutSheet />
    </QueryClientProvider>,
  );
});

afterEach(cleanup);

test("layouts are numbered, and their digits open them", async () => {
  const rows = () => screen.getAllByRole("listitem").map((row) => row.textContent);
  await screen.findByRole("button", { name: /^2\)/ });
  expect(rows()).toEqual(["0) 3X3shown", "1) <b>day</b>DELETE", "2) nightDELETE"]);
  expect(document.activeElement?.textContent).toContain("3X3");
  fireEvent.keyDown(document.activeElement as Element, { key: "2" });
  expect(loadLayout).toHaveBeenCalledWith("night");
  await vi.waitFor(() => expect(useScreen.getState().layouts).toBe(false));
});

test("a name is typed at once: its first letter leads to the field, so that no space in it opens a layout", () => {
  fireEvent.keyDown(document.activeElement as Element, { key: "m", ctrlKey: true });
  expect(document.activeElement?.textContent).toContain("3X3");
  fireEvent.keyDown(document.activeElement as Element, { key: "m" });
  expect(document.activeElement).toBe(screen.getByRole("textbox"));
});

test("what was changed since it was opened is told", () => {
  act(() => useLayout.setState({ changed: true }));
  expect(screen.getAllByRole("listitem")[0]?.textContent).toBe("0) 3X3shown, changed since");
  act(() => useLayout.setState({ changed: false }));
});

test("what is shown is saved under a name", async () => {
  const save = screen.getByRole("button", { name: "SAVE" });
  expect((save as HTMLButtonElement).disabled).toBe(true);
  fireEvent.change(screen.getByRole("textbox"), { target: { value: " mine " } });
  fireEvent.submit(save.closest("form") as HTMLFormElement);
  expect(saveLayout).toHaveBeenCalledWith("mine");
  await vi.waitFor(() => expect(useScreen.getState().layouts).toBe(false));
});

test("what went wrong is told, and the sheet stays", async () => {
  fireEvent.click(await screen.findByRole("button", { name: "Delete layout night" }));
  expect(deleteLayout).toHaveBeenCalledWith("night");
  expect((await screen.findByRole("alert")).textContent).toBe("There is no layout night.");
  expect(useScreen.getState().layouts).toBe(true);
});

import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aRun } from "../components/fixtures";
import { CommandLine } from "./CommandLine";
import { aContext } from "./fixtures";
import { linkOf } from "./linked";

beforeEach(() => {
  localStorage.clear();
  window.history.replaceState(null, "", "#/");
});
afterEach(cleanup);

const runs = [
  aRun({ id: "b", number: 20, name: "stone" }),
  aRun({ id: "a", number: 2, name: "lm-base", status: "completed" }),
];

function show(ready = true) {
  const context = aContext(runs);
  const onType = vi.fn();
  render(
    <CommandLine context={context} onType={onType} ready={ready}>
      <b>stone</b>
    </CommandLine>,
  );
  return { context, onType };
}

const field = () => screen.getByRole<HTMLInputElement>("combobox");
const key = (name: string) => fireEvent.keyDown(field(), { key: name });
const type = (text: string) => {
  field().focus();
  fireEvent.change(field(), { target: { value: text } });
};
const options = () => screen.queryAllByRole("option").map((option) => option.querySelector("b")?.textContent);

test("what was typed and sent before the functions were there is done", async () => {
  const context = aContext(runs);
  render(
    <CommandLine context={context} onType={() => {}} ready typed="los" sent>
      <b>stone</b>
    </CommandLine>,
  );
  await waitFor(() => expect(context.screen.show).toHaveBeenCalledExactlyOnceWith("loss"));
});

test("a slash leads to the line, but not out of another field", () => {
  show();
  fireEvent.keyDown(window, { key: "/" });
  expect(document.activeElement).toBe(field());
  field().blur();
  const other = document.body.appendChild(document.createElement("input"));
  other.focus();
  fireEvent.keyDown(window, { key: "/" });
  expect(document.activeElement).toBe(other);
  fireEvent.keyDown(window, { key: "k", ctrlKey: true });
  expect(document.activeElement).toBe(field());
  other.remove();
});

test("a few letters and Enter do the likeliest function", async () => {
  const { context } = show();
  type("spi");
  expect(options()[0]).toBe("SPIKE");
  type("los");
  key("Enter");
  await waitFor(() => expect(context.screen.show).toHaveBeenCalledWith("loss"));
  expect(field().value).toBe("");
});

test("Enter opens no chart for a word that is no part of its metric's name; an arrow and Enter do", async () => {
  const { context } = show();
  type("tlss");
  expect(options()).toEqual(["train/loss"]);
  key("Enter");
  expect(await screen.findByText("There is no function and no run tlss.")).toBeTruthy();
  expect(context.screen.open).not.toHaveBeenCalled();
  key("ArrowDown");
  key("Enter");
  await waitFor(() => expect(context.screen.open).toHaveBeenCalled());
});

test("arrows choose, and Enter takes what is chosen", async () => {
  const { context } = show();
  type("r2");
  const wanted = options().indexOf("R2");
  for (let at = 0; at <= wanted; at++) key("ArrowDown");
  expect(screen.getAllByRole("option")[wanted]?.getAttribute("aria-selected")).toBe("true");
  expect(field().getAttribute("aria-activedescendant")).toBe(screen.getAllByRole("option")[wanted]?.id);
  key("Enter");
  await waitFor(() => expect(context.now().run).toBe("a"));
});

test("a function that changes something is only put into the line by its beginning", async () => {
  const { context } = show();
  type("st");
  key("Enter");
  expect(field().value).toBe("STOP ");
  expect(context.actions.send).not.toHaveBeenCalled();
  key("Enter");
  await waitFor(() => expect(context.prefill).not.toHaveBeenCalled());
  await waitFor(() => expect(field().value).toBe("STOP R"));
  expect(context.actions.send).not.toHaveBeenCalled();
  type("STOP R20");
  key("Enter");
  await waitFor(() => expect(context.actions.send).toHaveBeenCalledExactlyOnceWith(runs[0], "stop"));
});

test("what can't be done is told, and stays to be mended", async () => {
  show();
  type("EMA 7");
  key("Enter");
  expect((await screen.findByText(/weight from 0 to 0.999/)).getAttribute("role")).toBe("status");
  expect(field().value).toBe("EMA 7");
});

test("Tab completes, Esc leaves", () => {
  show();
  type("los");
  key("Tab");
  expect(field().value).toBe("LOSS ");
  expect(options()).toContain("1K");
  key("Escape");
  expect(field().value).toBe("");
  expect(document.activeElement).not.toBe(field());
});

test("the last lines are offered again, the newest first", async () => {
  show();
  for (const line of ["LOSS", "LR", "LOSS"]) {
    type(line);
    key("Enter");
    await waitFor(() => expect(field().value).toBe(""));
  }
  act(() => field().focus());
  expect(options()).toEqual(["LOSS", "LR"]);
});

test("a key stands for its line, but not while somebody types, nor when a panel took it", async () => {
  const { context } = show();
  const press = () => fireEvent.keyDown(document.activeElement ?? document.body, { key: "e" });
  press();
  await waitFor(() => expect(context.now().smoothing).toBe(0.9));
  field().focus();
  press();
  field().blur();
  const panel = document.body.appendChild(document.createElement("button"));
  panel.addEventListener("keydown", (event) => event.preventDefault());
  panel.focus();
  press();
  await Promise.resolve();
  expect(context.now().smoothing).toBe(0.9);
  panel.remove();
});

test("who came from a panel is led back to it", () => {
  show();
  const panel = document.body.appendChild(document.createElement("button"));
  panel.focus();
  fireEvent.keyDown(window, { key: "/" });
  expect(document.activeElement).toBe(field());
  key("Escape");
  expect(document.activeElement).toBe(panel);
  panel.remove();
});

test("what is typed is told, so that the server can be asked for metrics", () => {
  const { onType } = show();
  type("417/g");
  expect(onType).toHaveBeenLastCalledWith("417/g");
});

test("a link's line is done when it only shows, and put into the line when it changes something", async () => {
  window.history.replaceState(null, "", "#/runs/a?go=LOSS%201K&ema=0.9");
  const shown = show();
  await waitFor(() => expect(shown.context.now().window).toBe(1000));
  expect(window.location.hash).toBe("#/runs/a?ema=0.9");
  cleanup();
  window.history.replaceState(null, "", "#/?go=STOP%20R20");
  const { context } = show();
  expect(field().value).toBe("STOP R20");
  expect(context.actions.send).not.toHaveBeenCalled();
});

test.each(["LAYO%20DEL%20night", "KEY%20j%20STOP%20R20"])("a link's %s waits for Enter", (line) => {
  window.history.replaceState(null, "", `#/?go=${line}`);
  const { context } = show();
  expect(field().value).toBe(decodeURIComponent(line));
  expect(document.activeElement).toBe(field());
  expect(context.screen.remove).not.toHaveBeenCalled();
  expect(localStorage.getItem("stepwire.bindings")).toBeNull();
});

test("a link in the open page does its line too, and keeps the view", async () => {
  window.history.replaceState(null, "", "#/runs/a?ema=0.9");
  const { context } = show();
  window.history.replaceState(null, "", linkOf("LOSS 1K"));
  act(() => void window.dispatchEvent(new HashChangeEvent("hashchange")));
  await waitFor(() => expect(context.now().window).toBe(1000));
  expect(window.location.hash).toBe("#/runs/a?ema=0.9");
});

test("what is typed while a line is on its way stays", async () => {
  const { context } = show();
  for (const ends of [undefined, new Error("refused")]) {
    let answer = () => {};
    const save = () => new Promise<void>((done, refuse) => (answer = () => (ends ? refuse(ends) : done())));
    vi.mocked(context.actions.send).mockImplementationOnce(save);
    type("SAVE");
    key("Enter");
    await waitFor(() => expect(context.actions.send).toHaveBeenCalled());
    type("LOSS 1");
    await act(async () => answer());
    expect(field().value).toBe("LOSS 1");
    expect(document.activeElement).toBe(field());
    expect(screen.getByRole("status").textContent).toBe(ends ? "refused" : "CHECKPOINT ASKED FOR · R20");
  }
});

test("Enter that ends the writing of a letter sends nothing", async () => {
  const { context } = show();
  type("LOSS");
  fireEvent.keyDown(field(), { key: "Enter", isComposing: true });
  await act(async () => {});
  expect(context.screen.show).not.toHaveBeenCalled();
  expect(field().value).toBe("LOSS");
});

test("a browser that keeps nothing does its lines all the same", async () => {
  const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const { context } = show();
  type("LOSS");
  key("Enter");
  await waitFor(() => expect(field().value).toBe(""));
  expect(context.screen.show).toHaveBeenCalledWith("loss");
  full.mockRestore();
});

test("a link's line waits for the runs", () => {
  window.history.replaceState(null, "", "#/?go=R20%20LOSS");
  const { context } = show(false);
  expect(context.change).not.toHaveBeenCalled();
  expect(window.location.hash).toContain("go=");
});

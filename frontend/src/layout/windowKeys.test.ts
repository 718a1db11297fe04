import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { popIn, popOut, resetLayout } from "./store";

const frame = document.createElement("iframe");
const heard: string[] = [];
const listen = (event: KeyboardEvent) => {
  heard.push(event.key);
  if (event.key === "p") event.preventDefault();
};

beforeEach(() => {
  resetLayout();
  document.body.append(frame);
  vi.spyOn(window, "open").mockReturnValue(frame.contentWindow as Window & typeof globalThis);
  popOut("loss");
  heard.length = 0;
  window.addEventListener("keydown", listen);
});
afterEach(() => {
  popIn("loss");
  frame.remove();
  window.removeEventListener("keydown", listen);
  document.body.replaceChildren();
});

/** Press a key in the panel's own window; returns whether it was used. */
function press(key: string, at: HTMLElement = frame.contentDocument?.body as HTMLElement): boolean {
  return !at.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

function inWindow<Name extends keyof HTMLElementTagNameMap>(name: Name, outer?: HTMLElement) {
  const element = document.createElement(name);
  (outer ?? (frame.contentDocument as Document).body).append(element);
  return element;
}

test("keys of the screen do in a panel's own window what they do in the page", () => {
  expect([press("p"), press("F2"), press("/")]).toEqual([true, false, false]);
  expect(heard).toEqual(["p", "F2", "/"]);
});

test("what is typed into a field, pressed in a dialog or used by the panel stays there, and so do Esc and arrows", () => {
  press("p", inWindow("input"));
  press("p", inWindow("button", inWindow("dialog")));
  const row = inWindow("div");
  row.addEventListener("keydown", (event) => event.preventDefault());
  press("c", row);
  press("Escape");
  press("ArrowDown");
  expect(heard).toEqual([]);
});

test("a field that the page had in use does not take the key", () => {
  const field = document.body.appendChild(document.createElement("input"));
  field.focus();
  press("p");
  expect(document.activeElement).toBe(document.body);
  expect(heard).toEqual(["p"]);
});

import { afterEach, expect, test, vi } from "vitest";
import { applyPreferences, prefer } from "../state/preferences";
import { closeWindow, openWindow } from "./windows";

afterEach(() => {
  closeWindow("loss");
  prefer("theme", "DARK");
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

function opened(): Document {
  const frame = document.body.appendChild(document.createElement("iframe"));
  const page = frame.contentWindow as Window & typeof globalThis;
  vi.spyOn(page, "close").mockImplementation(() => {});
  vi.spyOn(window, "open").mockReturnValue(page);
  openWindow("loss", () => {});
  return page.document;
}

test("a window looks as the page does, also when the page changes", () => {
  applyPreferences();
  prefer("theme", "LIGHT");
  prefer("rows", "24");
  const { documentElement: root } = opened();
  expect(root.dataset.theme).toBe("light");
  expect(root.style.getPropertyValue("--row")).toBe("24px");
  prefer("theme", "DARK");
  prefer("palette", "SAFE");
  expect(root.dataset).toMatchObject({ theme: "dark", palette: "safe" });
});

test("style sheets of parts that are loaded later come to open windows too", async () => {
  const page = opened();
  const sheet = document.head.appendChild(document.createElement("style"));
  sheet.textContent = ".later { color: red }";
  await vi.waitFor(() => expect(page.head.textContent).toContain(".later"));
  sheet.remove();
});

import { beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  localStorage.clear();
  vi.resetModules();
});

const load = () => import("./screen");

test("whether letters are keys is kept in this browser", async () => {
  (await load()).useScreen.getState().setLetterKeys(false);
  vi.resetModules();
  expect((await load()).useScreen.getState().letterKeys).toBe(false);
});

test("a browser that lets nobody at its storage shows the page all the same", async () => {
  const refuse = () => {
    throw new DOMException("denied", "SecurityError");
  };
  const spies = (["getItem", "setItem"] as const).map((name) =>
    vi.spyOn(Storage.prototype, name).mockImplementation(refuse),
  );
  const { useScreen } = await load();
  expect(useScreen.getState().letterKeys).toBe(true);
  useScreen.getState().setLetterKeys(false);
  expect(useScreen.getState().letterKeys).toBe(false);
  for (const spy of spies) spy.mockRestore();
});

import { beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  localStorage.clear();
  vi.resetModules();
});

const load = () => import("./preferences");

test("a choice is kept in this browser and told to the style sheets", async () => {
  const { prefer, usePreferences } = await load();
  prefer("theme", "LIGHT");
  prefer("rows", "24");
  expect(document.documentElement.dataset.theme).toBe("light");
  expect(document.documentElement.style.getPropertyValue("--row")).toBe("24px");
  expect(usePreferences.getState().theme).toBe("LIGHT");
  vi.resetModules();
  expect((await load()).usePreferences.getState()).toMatchObject({ theme: "LIGHT", rows: "24", zone: "UTC" });
});

test.each([
  ["theme", "PINK"],
  ["moon", "LIGHT"],
  ["toString", "x"],
])("%s=%s is no choice", async (name, value) => {
  const { prefer, usePreferences } = await load();
  const before = usePreferences.getState();
  prefer(name, value);
  expect(usePreferences.getState()).toEqual(before);
});

test.each(["{", "[]", '"x"', '{"theme":"PINK","zone":7}', "null"])(
  "what somebody else stored (%s) does no harm",
  async (text) => {
    localStorage.setItem("stepwire.preferences", text);
    expect((await load()).usePreferences.getState()).toMatchObject({ theme: "DARK", zone: "UTC" });
  },
);

test("a browser that keeps nothing shows a choice all the same", async () => {
  const { prefer } = await load();
  prefer("theme", "DARK");
  const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  expect(() => prefer("theme", "LIGHT")).not.toThrow();
  full.mockRestore();
  expect(document.documentElement.dataset.theme).toBe("light");
});

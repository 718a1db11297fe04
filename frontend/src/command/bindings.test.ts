import { beforeEach, expect, test } from "vitest";
import { bind, bindings, keyOf, USUAL } from "./bindings";
import { findCommand } from "./grammar";
import { COMMANDS } from "./registry";

beforeEach(() => {
  localStorage.clear();
  for (const key of Object.keys(bindings())) if (!(key in USUAL)) bind(key, "");
  localStorage.clear();
  bind("q", "");
});

test("usual keys stand for functions that there are", () => {
  for (const line of Object.values(USUAL)) expect(findCommand(line.split(" ")[0] as string, COMMANDS)).toBeDefined();
});

test("a key stands for the line it was given, and for none once freed", () => {
  expect(bind("q", "LOSS 1K")).toBeNull();
  expect([bindings().q, keyOf("LOSS 1K")]).toEqual(["LOSS 1K", "q"]);
  bind("q", "");
  expect(bindings().q).toBe("");
});

test.each(["/", "g", "", "ab", " "])("%j can't be given away", (key) => {
  expect(bind(key, "LOSS")).toMatch(/KEY|key/);
  expect(localStorage.getItem("stepwire.bindings")).not.toContain("LOSS");
});

import { expect, test } from "vitest";
import { intentOf, isField, neighbour } from "./keys";

const context = { awaiting: false, letters: true };
const plain = (key: string) => ({ key, shift: false });

test("function keys lead to their panels", () => {
  expect(["F2", "F4", "F8"].map((key) => intentOf(plain(key), context))).toEqual([
    { do: "panel", panel: "runs" },
    { do: "panel", panel: "loss" },
    { do: "panel", panel: "checkpoints" },
  ]);
});

test("a digit leads to a panel after g and only then", () => {
  expect(intentOf(plain("g"), context)).toEqual({ do: "await-panel" });
  expect(intentOf(plain("3"), { ...context, awaiting: true })).toEqual({ do: "number", number: 3 });
  expect(intentOf(plain("3"), context)).toBeNull();
  expect(intentOf(plain("0"), { ...context, awaiting: true })).toBeNull();
});

test("letters do nothing when they are turned off; function keys still do", () => {
  const off = { awaiting: false, letters: false };
  expect(["m", "p", "y", "g", "?"].map((key) => intentOf(plain(key), off))).toEqual([null, null, null, null, null]);
  expect(intentOf({ key: "F6", shift: true }, off)).toEqual({ do: "previous" });
});

test("past the last and before the first panel the key is the browser's", () => {
  const panels = ["a", "b", "c"];
  const found = [
    neighbour(panels, "c", 1),
    neighbour(panels, "a", -1),
    neighbour(panels, "a", 1),
    neighbour(panels, "c", -1),
  ];
  expect(found).toEqual([null, null, "b", "b"]);
});

test("typing belongs to fields", () => {
  expect(isField(document.createElement("input"))).toBe(true);
  expect(isField(document.createElement("div"))).toBe(false);
  expect(isField(null)).toBe(false);
});

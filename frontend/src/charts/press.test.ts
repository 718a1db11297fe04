// @vitest-environment node
import { expect, test } from "vitest";
import { type Standing, wishOf } from "./press";

const NOW: Standing = { range: [0, 100], full: [0, 100], zoomed: false, x: [0, 25, 50, 100], at: null };
const press = (key: string, over: Partial<Standing> = {}, shift = false) => wishOf(key, shift, { ...NOW, ...over });

test("arrows walk from entry to entry, from the newest on, and stop at the ends", () => {
  expect(press("ArrowLeft")).toEqual({ do: "at", x: 100 });
  expect(press("ArrowLeft", { at: 100 })).toEqual({ do: "at", x: 50 });
  expect(press("ArrowRight", { at: 26 })).toEqual({ do: "at", x: 50 });
  expect(press("ArrowRight", { at: 100 })).toEqual({ do: "at", x: 100 });
  expect([press("Home"), press("End", { range: [0, 60] })]).toEqual([
    { do: "at", x: 0 },
    { do: "at", x: 50 },
  ]);
  expect(press("ArrowLeft", { x: [] })).toBeNull();
});

test("a crosshair that is out of view comes back into it", () => {
  expect(press("ArrowLeft", { at: 90, range: [20, 60] })).toEqual({ do: "at", x: 50 });
});

test("+ and - zoom around the crosshair, 0 shows everything", () => {
  expect(press("+")).toEqual({ do: "zoom", range: [25, 75] });
  expect(press("+", { at: 100 })).toEqual({ do: "zoom", range: [50, 100] });
  expect(press("-", { range: [40, 60], zoomed: true })).toEqual({ do: "zoom", range: [30, 70] });
  expect(press("-", { range: [10, 90], zoomed: true })).toEqual({ do: "zoom", range: null });
  expect(press("0", { zoomed: true })).toEqual({ do: "zoom", range: null });
});

test("Shift and an arrow move the stretch", () => {
  expect(press("ArrowRight", { range: [0, 40], zoomed: true }, true)).toEqual({ do: "zoom", range: [10, 50] });
});

test("Esc takes back the zoom, then the crosshair, then is the screen's", () => {
  expect(press("Escape", { zoomed: true, at: 5 })).toEqual({ do: "zoom", range: null });
  expect(press("Escape", { at: 5 })).toEqual({ do: "at", x: null });
  expect(press("Escape")).toBeNull();
  expect(press("x")).toBeNull();
});

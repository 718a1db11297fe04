import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { changeView, readView, useViewPart } from "./view";

beforeEach(() => window.history.replaceState(null, "", "#/"));

test("a change is in the address at once, and another run is a page to come back from", () => {
  const before = window.history.length;
  changeView({ smoothing: 0.9 });
  expect(window.location.hash).toBe("#/?ema=0.9");
  expect(window.history.length).toBe(before);
  changeView({ run: "run_1" });
  expect(window.location.hash).toBe("#/runs/run_1?ema=0.9");
  expect(window.history.length).toBe(before + 1);
});

test("an address that was typed is the view", () => {
  window.history.replaceState(null, "", "#/runs/b?w=100");
  expect(readView()).toMatchObject({ run: "b", window: 100 });
});

test("a component hears of its part alone", () => {
  let drawn = 0;
  const { result } = renderHook(() => {
    drawn += 1;
    return useViewPart("metrics");
  });
  act(() => changeView({ window: 100 }));
  expect(drawn).toBe(1);
  act(() => changeView({ metrics: { loss: ["a"] } }));
  expect([drawn, result.current]).toEqual([2, { loss: ["a"] }]);
});

// @vitest-environment node
import { expect, test, vi } from "vitest";
import { soon } from "./turns";

test("many are called a few at a time, each once, and those that wait longest first", () => {
  const frames: FrameRequestCallback[] = [];
  const frame = () => {
    for (const callback of frames.splice(0)) callback(0);
  };
  const request = (callback: FrameRequestCallback) => frames.push(callback);
  const told: number[] = [];
  const callbacks = Array.from({ length: 9 }, (_, at) => () => told.push(at));
  for (const callback of callbacks) soon(callback, request);
  for (const callback of callbacks) soon(callback, request);
  expect([told.length, frames.length]).toEqual([0, 1]);
  frame();
  expect(told).toEqual([0, 1, 2, 3, 4, 5]);
  for (const callback of callbacks.slice(0, 3)) soon(callback, request);
  frame();
  expect(told.slice(6)).toEqual([6, 7, 8, 0, 1, 2]);
  expect(frames).toEqual([]);
});

test("one that throws keeps nobody else from being called, then or later", () => {
  const frames: FrameRequestCallback[] = [];
  const request = (callback: FrameRequestCallback) => frames.push(callback);
  const reported = vi.fn<(error: unknown) => void>();
  vi.stubGlobal("reportError", reported);
  const told: string[] = [];
  soon(() => {
    throw new Error("broken");
  }, request);
  soon(() => told.push("next"), request);
  frames.shift()?.(0);
  soon(() => told.push("later"), request);
  frames.shift()?.(0);
  vi.unstubAllGlobals();
  expect([told, reported.mock.calls.length]).toEqual([["next", "later"], 1]);
});

import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useNow } from "./useNow";

const NOON = Date.parse("2026-11-28T12:00:00Z");

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  cleanup();
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
});

const wait = (milliseconds: number) => act(() => vi.advanceTimersByTime(milliseconds));

test("the time moves on in steps, for all who show it at once", () => {
  const [first, second] = [renderHook(() => useNow(1000)), renderHook(() => useNow(1000))];
  const seen = new Set<number>();
  for (let times = 0; times < 40; times++) {
    wait(100);
    expect(second.result.current).toBe(first.result.current);
    seen.add(first.result.current);
  }
  expect(seen.size).toBeGreaterThanOrEqual(4);
  expect(seen.size).toBeLessThanOrEqual(5);
});

test("a clock that is set back is followed at once", () => {
  const { result } = renderHook(() => useNow(1000));
  wait(3000);
  vi.setSystemTime(NOON - 3_600_000);
  wait(2000);
  expect(Math.abs(result.current - (NOON - 3_600_000))).toBeLessThan(3000);
});

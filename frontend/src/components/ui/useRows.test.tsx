import { act, renderHook } from "@testing-library/react";
import { expect, test } from "vitest";
import { prefer } from "../../state/preferences";
import { useRows } from "./useRows";

test("rows are as high as somebody chose, at once", () => {
  const { result } = renderHook(() => useRows<HTMLDivElement>(100));
  expect(result.current.rows.getTotalSize()).toBe(1900);
  act(() => prefer("rows", "24"));
  expect(result.current.rows.getTotalSize()).toBe(2400);
});

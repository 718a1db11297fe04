import { expect, test, vi } from "vitest";
import type { LineChart } from "./chart";

test("charts on the page are drawn anew when a font came", async () => {
  const fonts = new EventTarget();
  Object.defineProperty(document, "fonts", { value: fonts, configurable: true });
  vi.resetModules();
  const { mounted } = await import("./mounted");
  const [stays, gone] = [{ repaint: vi.fn() }, { repaint: vi.fn() }] as const;
  mounted(stays as unknown as LineChart);
  mounted(gone as unknown as LineChart)();
  fonts.dispatchEvent(new Event("loadingdone"));
  expect([stays, gone].map(({ repaint }) => repaint.mock.calls.length)).toEqual([1, 0]);
  Reflect.deleteProperty(document, "fonts");
});

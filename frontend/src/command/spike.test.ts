import { expect, test } from "vitest";
import { spikeOf } from "./spike";

const steps = Array.from({ length: 100 }, (_, step) => step * 10);
const calm = steps.map((_, at) => 3 * Math.exp(-at / 30) + 0.01 * Math.sin(at * 7));

test("a calm course has no spike", () => {
  expect(spikeOf({ x: steps, y: calm, odd: [] })).toBeNull();
});

test("the value that stands out most is the spike, not the high beginning", () => {
  const y = calm.map((value, at) => (at === 60 || at === 61 ? value + 2 + (at === 61 ? 1 : 0) : value));
  expect(spikeOf({ x: steps, y, odd: [] })?.step).toBe(610);
});

test("what is not finite comes first", () => {
  expect(spikeOf({ x: steps, y: calm, odd: [420, 430] })).toMatchObject({ step: 420 });
});

test.each([[[]], [[1]], [[1, 1]]])("%j has none", (y) => {
  expect(spikeOf({ x: y.map((_, at) => at), y, odd: [] })).toBeNull();
});

// @vitest-environment node
import { describe, expect, test } from "vitest";
import { panned, within, zoomedBy } from "./zoom";

const ALL = [0, 1000] as const;

describe("zooming", () => {
  test("leaves what is under the pointer where it is", () => {
    expect(zoomedBy(0.5, 250, [0, 1000], ALL)).toEqual([125, 625]);
    expect(zoomedBy(2, 500, [400, 600], ALL)).toEqual([300, 700]);
  });
  test("ends when all there is fits in", () => {
    expect(zoomedBy(4, 500, [200, 800], ALL)).toBeNull();
  });
  test("has an end", () => {
    const [low, high] = zoomedBy(1e-12, 500, [400, 600], ALL) ?? [0, 0];
    expect(high).toBeGreaterThan(low);
  });
});

describe("moving", () => {
  test("goes by a quarter of the stretch, up to the ends", () => {
    expect(panned(1, [100, 200], ALL)).toEqual([125, 225]);
    expect(panned(-1, [10, 110], ALL)).toEqual([0, 100]);
    expect(panned(1, [890, 990], ALL)).toEqual([900, 1000]);
  });
  test("stays where it is beyond the ends, which may be zoomed to by a link", () => {
    expect(panned(1, [2000, 2100], ALL)).toEqual([2000, 2100]);
  });
});

test("a stretch has as few digits as tell its ends apart", () => {
  expect(within([123.456789, 623.456789], ALL)).toEqual([123.5, 623.5]);
  expect(within([0.123456789, 0.123556789], [0, 1])).toEqual([0.1234568, 0.1235568]);
  expect(within([1_795_895_359.123, 1_795_895_959.456], [0, 2e9])).toEqual([1_795_895_359.1, 1_795_895_959.5]);
});

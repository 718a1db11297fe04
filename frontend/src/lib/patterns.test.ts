import { expect, test } from "vitest";
import { isGlob, matcherOf, meant } from "./patterns";

const names = ["loss", "val/loss", "layer.1/grad_norm", "layer.12/grad_norm", "layer.1/weight"];

test("a part of the name, a glob for the whole of it, an expression between slashes", () => {
  expect(meant(names, ["LOSS"])).toEqual(["loss", "val/loss"]);
  expect(meant(names, ["layer.*/grad_norm"])).toEqual(["layer.1/grad_norm", "layer.12/grad_norm"]);
  expect(meant(names, ["layer.?/*"])).toEqual(["layer.1/grad_norm", "layer.1/weight"]);
  expect(meant(names, ["/^(val|layer.12)/"])).toEqual(["val/loss", "layer.12/grad_norm"]);
});

test("several patterns find each name once, none finds all", () => {
  expect(meant(names, ["loss", "val/*"])).toEqual(["loss", "val/loss"]);
  expect(meant(names, [])).toBe(names);
});

test("what is special in an expression is itself in a glob", () => {
  expect(meant(["a+b(c)/x", "aab(c)/x"], ["a+b(c)/*"])).toEqual(["a+b(c)/x"]);
});

test("an expression that is not finished finds nothing", () => {
  expect(matcherOf("/(/")).toBeNull();
  expect(meant(names, ["/(/"])).toEqual([]);
  expect(meant(["/("], ["/("])).toEqual(["/("]);
});

test("only stars and question marks make a glob", () => {
  expect(["layer.*", "l?ss", "loss", "a[1]"].map(isGlob)).toEqual([true, true, false, false]);
});

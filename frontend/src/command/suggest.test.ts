import { expect, test } from "vitest";
import { aRun } from "../components/fixtures";
import { aContext } from "./fixtures";
import { COMMANDS } from "./registry";
import { suggest } from "./suggest";

const runs = [
  aRun({ id: "b", number: 20, name: "stone" }),
  aRun({ id: "a", number: 2, name: "lm-base", status: "completed" }),
];
const titles = (line: string) => suggest(line, COMMANDS, aContext(runs)).map((candidate) => candidate.title);
const lines = (line: string) => suggest(line, COMMANDS, aContext(runs)).map((candidate) => candidate.line);

test("a few letters find the function, before runs and metrics of the same letters", () => {
  expect(titles("st")[0]).toBe("STOP");
  expect(titles("st")).toContain("R20");
  expect(titles("los")[0]).toBe("LOSS");
});

test("the other names of a function lead to it as well, and it is there once", () => {
  expect(titles("aler")[0]).toBe("ATTN");
  expect(titles("rena")[0]).toBe("NAME");
  expect(titles("con").filter((title) => title === "LOG")).toHaveLength(1);
});

test("what a function does is found, too", () => {
  expect(titles("learning")).toContain("LR");
});

test("a metric is charted by a part of its name, quoted when it has to be", () => {
  expect(lines("1/grad")).toEqual(['CH "layer.1/grad norm"']);
});

test("a run's number leads to the run", () => {
  expect(titles("r2").slice(0, 2).sort()).toEqual(["R2", "R20"]);
});

test("behind a function its arguments are offered: only runs that run can be stopped", () => {
  expect(lines("stop ")).toEqual(["stop R20"]);
  expect(lines("LOSS 1")).toContain("LOSS 1K");
  expect(lines("R2 CH val")).toEqual(["R2 CH val/loss"]);
});

test("behind a run functions are offered, on that run", () => {
  expect(lines("R2 los")[0]).toBe("R2 LOSS");
});

test("a function that needs an argument is not done by taking it", () => {
  const [first] = suggest("stop", COMMANDS, aContext(runs));
  expect(first).toMatchObject({ title: "STOP", open: true, line: "STOP " });
});

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

test("a metric or a run that only has the letters somewhere is offered as a guess", () => {
  const guesses = suggest("tlss", COMMANDS, aContext(runs));
  expect(guesses.find(({ title }) => title === "train/loss")?.vague).toBe(true);
  expect(suggest("n/loss", COMMANDS, aContext(runs))[0]).toEqual({
    line: "CH train/loss",
    title: "train/loss",
    does: "chart this metric",
  });
});

test("a run's number leads to the run", () => {
  expect(titles("r2").slice(0, 2).sort()).toEqual(["R2", "R20"]);
});

test("behind a function its arguments are offered: only runs that run can be stopped", () => {
  expect(lines("stop ")).toEqual(["stop R20"]);
  expect(lines("LOSS 1")).toContain("LOSS 1K");
  expect(lines("R2 CH val")).toEqual(["R2 CH val/loss"]);
});

test("a run behind a function is offered by its name, too, and named, so that the right one is stopped", () => {
  expect(suggest("stop ston", COMMANDS, aContext(runs))).toEqual([
    { line: "stop R20", title: "R20", does: "stone (running)" },
  ]);
  expect(lines("CMP R20 lm")).toEqual(["CMP R20 R2"]);
  expect(lines("DIFF r2").toSorted()).toEqual(["DIFF R2", "DIFF R20"]);
});

test("behind a run functions are offered, on that run", () => {
  expect(lines("R2 los")[0]).toBe("R2 LOSS");
});

test("a function that needs an argument is not done by taking it", () => {
  const [first] = suggest("stop", COMMANDS, aContext(runs));
  expect(first).toMatchObject({ title: "STOP", open: true, line: "STOP " });
});

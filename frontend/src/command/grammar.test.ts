import { expect, test } from "vitest";
import { aRun } from "../components/fixtures";
import { CommandError } from "./command";
import { findRuns, parse, quoted, wordsOf } from "./grammar";
import { COMMANDS } from "./registry";

const runs = [
  aRun({ id: "run_c", number: 12, name: "lm deep", tags: ["keep"] }),
  aRun({ id: "run_b", number: 2, name: "lm-base" }),
  aRun({ id: "run_a", number: 1, name: "vit", tags: ["keep"] }),
];
const known = { commands: COMMANDS, runs, selected: runs[1] as (typeof runs)[number] };
const call = (line: string) => {
  const parsed = parse(line, known);
  if (parsed.kind !== "call") throw new Error("no call");
  return parsed;
};

test("words are parted by blanks, and quotes hold one together", () => {
  expect(wordsOf(' CH  "layer 1/norm" b').map((word) => word.text)).toEqual(["CH", "layer 1/norm", "b"]);
  expect(wordsOf('a "b c').map((word) => word.text)).toEqual(["a", "b c"]);
  expect(wordsOf(quoted("a b"))[0]?.text).toBe("a b");
});

test("a function without a run is about the selected one", () => {
  const { command, runs: about, named, args } = call("loss 1k");
  expect([command.name, about[0]?.id, named, args]).toEqual(["LOSS", "run_b", false, ["1k"]]);
});

test("runs stand before the function: number, name, tag or all", () => {
  expect(call("R12 r1 cmp").runs.map((run) => run.id)).toEqual(["run_c", "run_a"]);
  expect(call("@keep TAG x").runs.map((run) => run.id)).toEqual(["run_c", "run_a"]);
  expect(call("* CMP").runs.length).toBe(3);
  expect(call('"lm deep" LOSS').runs[0]?.id).toBe("run_c");
  expect(call("R1 R1 CMP").runs.length).toBe(1);
});

test("the text behind a function comes as it was typed", () => {
  expect(call('NOTE  two  words "quoted"').text).toBe('two  words "quoted"');
});

test("a run alone is turned to", () => {
  expect(parse("R12", known)).toMatchObject({ kind: "run", run: { id: "run_c" } });
  expect(parse("vi", known)).toMatchObject({ kind: "run", run: { id: "run_a" } });
});

test("the beginning of a name means a run only when it is the only one", () => {
  expect(findRuns("lm", runs)).toEqual([]);
  expect(findRuns("lm-", runs).map((run) => run.id)).toEqual(["run_b"]);
});

test("where several runs begin so, it is told which", () => {
  expect(() => parse("lm LOSS", known)).toThrow("lm could be R12 lm deep, R2 lm-base.");
});

test.each([
  ["LOSSS", "Did you mean LOSS"],
  ["CPM R1", "Did you mean CMP"],
  ["R99", "There is no run R99."],
  ["@none CMP", "No run has the tag none."],
  ["xyzzyx", "There is no function and no run xyzzyx."],
  ["   ", "Type a function"],
] as const)("%s is told what is wrong with it", (line, text) => {
  const error = (() => {
    try {
      parse(line, known);
    } catch (thrown) {
      return thrown as CommandError;
    }
    return null;
  })();
  expect(error).toBeInstanceOf(CommandError);
  expect(error?.message).toContain(text);
});

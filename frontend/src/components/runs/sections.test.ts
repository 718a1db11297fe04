import { expect, test } from "vitest";
import type { Run } from "../../services/types";
import { aRun } from "../fixtures";
import {
  changedOnly,
  configSections,
  fitting,
  missingSection,
  runSection,
  saidSections,
  valuesSection,
} from "./sections";

test("a nested config becomes sections by path, what stands at the top first", () => {
  const sections = configSections({ optim: { name: "adamw", betas: [0.9, 0.95] }, seed: 42, note: "", empty: {} });
  expect(sections).toEqual([
    {
      title: "CONFIG",
      entries: [
        { name: "seed", value: "42" },
        { name: "note", value: '""' },
        { name: "empty", value: "{}" },
      ],
    },
    {
      title: "optim",
      entries: [
        { name: "name", value: "adamw" },
        { name: "betas", value: "[0.9, 0.95]" },
      ],
    },
  ]);
});

test("against another config, what changed carries the old value and what is new carries null", () => {
  const changed = changedOnly(configSections({ lr: 0.1, seed: 1, extra: true }, { lr: 0.2, seed: 1 }));
  expect(changed).toEqual([
    {
      title: "CONFIG",
      entries: [
        { name: "lr", value: "0.1", before: "0.2" },
        { name: "extra", value: "true", before: null },
      ],
    },
  ]);
});

test("what only the other config has is listed by its path", () => {
  expect(missingSection({ a: 1 }, { a: 1, optim: { lr: 2 } })).toEqual([
    { title: "REMOVED", entries: [{ name: "optim.lr", value: "–", before: "2" }] },
  ]);
  expect(missingSection({ a: 1 }, { a: 2 })).toEqual([]);
});

test("a config as deep as the server takes it is cut to one line at the depth where sections end", () => {
  let deep: Record<string, unknown> = { end: 1 };
  for (let level = 0; level < 31; level++) deep = { next: deep };
  const [section, ...others] = configSections(deep);
  expect(others).toEqual([]);
  expect(section?.title.split(".")).toHaveLength(8);
  expect(section?.entries[0]?.value).toContain('"end":1');
});

test("what is told of a run leaves out what nobody told", () => {
  const { entries } = runSection(aRun({ host: null }), Date.parse("2026-11-23T14:01:05Z"));
  const values = Object.fromEntries(entries.map(({ name, value }) => [name, value]));
  expect(values).toMatchObject({ elapsed: "1m 05s", pid: "4711" });
  expect(values).not.toHaveProperty("host");
});

test("tags and notes are a section of their own, when there are any", () => {
  expect(saidSections({ tags: ["a", "b"], notes: "\nfirst\ntry\n" })).toEqual([
    {
      title: "NOTES",
      entries: [
        { name: "tags", value: "a, b" },
        { name: "notes", value: "first\ntry" },
      ],
    },
  ]);
  expect(saidSections({ tags: [], notes: " \n" })).toEqual([]);
});

test("a text finds sections, names, values and what stood there", () => {
  const sections = configSections(
    { lr: 0.1, optim: { name: "adamw", eps: 1 } },
    { lr: 0.25, optim: { name: "adamw" } },
  );
  const found = (text: string) => fitting(sections, text).flatMap(({ entries }) => entries.map(({ name }) => name));
  expect(found("ADAM")).toEqual(["name"]);
  expect(found("optim")).toEqual(["name", "eps"]);
  expect(found("0.25")).toEqual(["lr"]);
  expect(found(" ")).toEqual(["lr", "name", "eps"]);
  expect(found("nothing")).toEqual([]);
});

const told = (...values: [string, number | string][]) => ({
  summary: Object.fromEntries(values.map(([name, last]) => [name, { last }])) as unknown as Run["summary"],
});

test("values that both runs have stand beside one another, those of the machine do not", () => {
  const [run, other] = [told(["loss", 0.5], ["acc", 1], ["system/cpu", 1]), told(["loss", 0.25], ["system/cpu", 2])];
  expect(valuesSection(run, other)).toEqual([
    { title: "LAST VALUES", entries: [{ name: "loss", value: "0.5000", before: "0.2500" }] },
  ]);
  expect(valuesSection(run, told())).toEqual([]);
});

test("branches of the same path as others, or of the first section's name, hide nothing", () => {
  const config = { lr: 1, CONFIG: { a: 2 }, "x.y": { b: 3 }, x: { y: { c: 4 } } };
  const entries = configSections(config).flatMap((section) => section.entries.map(({ name }) => name));
  expect(entries.toSorted()).toEqual(["a", "b", "c", "lr"]);
});

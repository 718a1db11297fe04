import { expect, test } from "vitest";
import { anEvent, aRun } from "../fixtures";
import { changedOnly, configSections, environmentSection, missingSection } from "./sections";

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

test("the environment holds what the start told, and leaves out what nobody told", () => {
  const started = anEvent({ data: { python: "3.12.7", argv: ["train.py", "--fast"] } });
  const { entries } = environmentSection(aRun({ host: null }), started, Date.parse("2026-11-23T14:01:05Z"));
  const values = Object.fromEntries(entries.map(({ name, value }) => [name, value]));
  expect(values).toMatchObject({ python: "3.12.7", command: "train.py --fast", elapsed: "1m 05s", pid: "4711" });
  expect(values).not.toHaveProperty("host");
});

import { expect, test } from "vitest";
import type { Surroundings } from "../../services/types";
import { briefSections, changedSurroundings, diffOf, surroundingSections } from "./surroundings";

const here: Surroundings = {
  run_id: "run_1",
  attempt: 1,
  time: 1,
  command: ["train.py", "--name", "it's new"],
  folder: "/work",
  python: { version: "3.12.7", implementation: "CPython" },
  git: { commit: "abc", branch: "main", dirty: true, diff: "+one\n-two" },
  hardware: { cpu: "EPYC", memory: 2 * 1024 ** 3, gpus: [{ name: "H100", memory: 80 * 1024 ** 3 }] },
  variables: {},
  packages: { numpy: "2.4.6", torch: "2.9.1" },
};
const valuesOf = (sections: ReturnType<typeof surroundingSections>, title: string) =>
  Object.fromEntries(
    sections.find((section) => section.title === title)?.entries.map(({ name, value }) => [name, value]) ?? [],
  );

test("what a run runs in, as it would be typed and read; what is empty is left out", () => {
  const sections = surroundingSections(here);
  expect(sections.map(({ title }) => title)).toEqual(["PROGRAM", "GIT", "HARDWARE", "PACKAGES"]);
  expect(valuesOf(sections, "PROGRAM")).toEqual({
    command: "train.py --name 'it'\\''s new'",
    folder: "/work",
    python: "3.12.7",
  });
  expect(valuesOf(sections, "GIT")).toEqual({ commit: "abc", branch: "main", changes: "2 lines of diff" });
  expect(valuesOf(sections, "HARDWARE")).toEqual({ cpu: "EPYC", memory: "2.00 GB", "gpu 0": "H100 · 80.00 GB" });
  expect(briefSections(here).map(({ title }) => title)).toEqual(["PROGRAM", "GIT", "HARDWARE"]);
});

test("nothing told is no section", () => {
  expect(surroundingSections({ run_id: "run_1", attempt: 1, time: 1, git: null })).toEqual([]);
});

test("against another run: what changed, what is new, what is gone", () => {
  const before: Surroundings = {
    ...here,
    git: { commit: "abb", branch: "main", dirty: false },
    packages: { numpy: "2.4.5", jax: "1" },
  };
  expect(changedSurroundings(here, before)).toEqual([
    {
      title: "GIT",
      entries: [
        { name: "commit", value: "abc", before: "abb" },
        { name: "changes", value: "2 lines of diff", before: "none" },
      ],
    },
    {
      title: "PACKAGES",
      entries: [
        { name: "numpy", value: "2.4.6", before: "2.4.5" },
        { name: "torch", value: "2.9.1", before: null },
      ],
    },
    { title: "REMOVED", entries: [{ name: "PACKAGES.jax", value: "–", before: "1" }] },
  ]);
  expect(changedSurroundings(here, here)).toEqual([]);
});

test("changes in no commit are there to read", () => {
  expect(diffOf(here)).toBe("+one\n-two");
  expect(diffOf({ ...here, git: null })).toBeNull();
  expect(diffOf(null)).toBeNull();
});

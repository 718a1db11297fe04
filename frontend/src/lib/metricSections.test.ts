import { expect, test } from "vitest";
import { metricSections } from "./metricSections";

test("names that begin alike are one section, whatever number is in it; numbers are in their order", () => {
  expect(metricSections(["layer.10/norm", "layer.2/norm", "layer.2/act", "train/loss"])).toEqual([
    { name: "train/", metrics: ["train/loss"] },
    { name: "layer.*/", metrics: ["layer.2/act", "layer.2/norm", "layer.10/norm"] },
  ]);
});

test("plain names, then training, validation, the rest, and the machine's last", () => {
  const names = ["system/cpu", "zeta/x", "val/loss", "loss", "train/loss", "alpha/x"];
  expect(metricSections(names).map(({ name }) => name)).toEqual(["", "train/", "val/", "alpha/", "zeta/", "system/"]);
});

test("plain names that differ by a number are one kind", () => {
  expect(metricSections(["loss_2", "lr", "loss_10"])).toEqual([
    { name: "", metrics: ["lr"] },
    { name: "loss_*", metrics: ["loss_2", "loss_10"] },
  ]);
});

test("100,000 names are a few sections", () => {
  const names = Array.from({ length: 100_000 }, (_, at) => `layer.${at >> 2}/${"abcd"[at & 3]}`);
  const sections = metricSections(names);
  expect(sections).toHaveLength(1);
  expect(sections[0]?.metrics).toHaveLength(100_000);
});

// @vitest-environment node
import { expect, test } from "vitest";
import {
  isAccuracyLike,
  isGradientNormLike,
  isLossLike,
  isRateLike,
  isThroughputLike,
  lossTabs,
  mainMetric,
  rateTabs,
} from "./pick";

const labels = (tabs: { label: string }[]) => tabs.map((tab) => tab.label);

test("kinds are told by words, not by letters that happen to follow one another", () => {
  expect(["lr", "optim/learning_rate", "learningRate", "group0.lr"].filter(isRateLike)).toHaveLength(4);
  expect(["slr", "lrp", "rate"].some(isRateLike)).toBe(false);
  expect(["grad_norm", "gradNorm/layer1", "gradients/l2"].filter(isGradientNormLike)).toHaveLength(3);
  expect(["grad_scale", "weight_norm"].some(isGradientNormLike)).toBe(false);
  expect(["tokens_per_second", "perf/samples_per_sec", "tok/s", "throughput"].filter(isThroughputLike)).toHaveLength(4);
  expect(["val/perplexity", "train/nll", "RMSE", "reconstruction_error"].filter(isLossLike)).toHaveLength(4);
  expect(["val/accuracy", "f1", "episode_reward", "bleu"].filter(isAccuracyLike)).toHaveLength(4);
  expect(isAccuracyLike("accumulated_steps")).toBe(false);
});

test("a training loss comes first, then validation, then scores", () => {
  const names = ["val/acc", "val/loss", "lr", "train/loss", "grad_norm"];
  expect(labels(lossTabs(names))).toEqual(["train/loss", "val/loss", "val/acc"]);
  expect(mainMetric(names)).toBe("train/loss");
});

test("learning rate and gradient norm share the first tab of the rate panel, throughput follows", () => {
  const names = ["loss", "grad_norm/layer2", "grad_norm", "lr", "samples_per_sec", "epoch"];
  const tabs = rateTabs(names);
  expect(tabs[0]).toEqual({ label: "lr + grad_norm", metrics: ["lr", "grad_norm"] });
  expect(labels(tabs)).toEqual(["lr + grad_norm", "samples_per_sec", "epoch", "grad_norm/layer2"]);
});

test("a run of any other kind still fills both panels, and no metric is in both", () => {
  const names = ["temperature", "yield", "pressure_per_second", "system/cpu"];
  const loss = lossTabs(names).flatMap((tab) => tab.metrics);
  const rate = rateTabs(names).flatMap((tab) => tab.metrics);
  expect(loss).toEqual(["yield", "temperature"]);
  expect(rate).toEqual(["pressure_per_second"]);
});

test("a run that logs nothing but a rate shows it as its main metric", () => {
  expect(mainMetric(["lr"])).toBe("lr");
  expect(mainMetric([])).toBeNull();
  expect(rateTabs([])).toEqual([]);
});

test("tabs stay few however many metrics there are", () => {
  const names = Array.from({ length: 60 }, (_, index) => `layer${index}/loss`);
  expect(lossTabs(names)).toHaveLength(6);
});

import { goalOf } from "./goal";
import { words } from "./words";

/** One tab of a chart panel: a label, and the metrics drawn below one another. */
export interface Tab {
  label: string;
  metrics: string[];
}

const MAX_TABS = 6;
const LOSS_WORDS = /^(loss|nll|error|err|perplexity|ppl|mse|rmse|mae|cost|objective|elbo|crossentropy|wer|cer)$/;
const SYSTEM_WORDS = /^(system|sys|cpu|gpu|ram|memory|disk|host)$/;

export function isLossLike(name: string): boolean {
  return words(name).some((word) => LOSS_WORDS.test(word)) || goalOf(name) === "min";
}

export function isAccuracyLike(name: string): boolean {
  return (
    goalOf(name) === "max" || words(name).some((word) => /^(score|precision|recall|bleu|iou|map|return|r2)$/.test(word))
  );
}

export function isRateLike(name: string): boolean {
  const parts = words(name);
  return parts.includes("lr") || parts.includes("learningrate") || follows(parts, "learning", "rate");
}

export function isGradientNormLike(name: string): boolean {
  const parts = words(name);
  const gradient = parts.some((word) => /^(grad|grads|gradient|gradients)$/.test(word));
  return parts.includes("gradnorm") || (gradient && parts.some((word) => /^(norm|norms|l2)$/.test(word)));
}

export function isThroughputLike(name: string): boolean {
  const parts = words(name);
  const perSecond = follows(parts, "per", "second") || follows(parts, "per", "sec") || follows(parts, "per", "s");
  return perSecond || /\/s(ec)?$/.test(name) || parts.some((word) => /^(throughput|fps|speed|sps|tps|qps)$/.test(word));
}

function isSystem(name: string): boolean {
  return SYSTEM_WORDS.test(words(name)[0] ?? "");
}

function follows(parts: string[], first: string, second: string): boolean {
  return parts.some((word, index) => word === first && parts[index + 1] === second);
}

/** Training before validation before the rest, plain names before deep ones, then by name. */
function byPlainness(left: string, right: string): number {
  return rank(left) - rank(right) || left.length - right.length || (left < right ? -1 : 1);
}

function rank(name: string): number {
  const parts = words(name);
  if (parts.some((word) => /^(val|valid|validation|eval|dev)$/.test(word))) return 1;
  return parts.some((word) => /^(test|best|ema|avg|aux)$/.test(word)) ? 2 : 0;
}

function pick(names: readonly string[], like: (name: string) => boolean): string[] {
  return names.filter(like).sort(byPlainness);
}

/** The metric that tells best how a run does: a training loss, else any loss, a score, or the first there is. */
export function mainMetric(names: readonly string[]): string | null {
  return lossTabs(names)[0]?.metrics[0] ?? null;
}

/** Tabs of the loss panel: losses, then scores; without either, whatever is neither rate nor system. */
export function lossTabs(names: readonly string[]): Tab[] {
  const losses = pick(names, isLossLike);
  const scores = pick(names, (name) => !isLossLike(name) && isAccuracyLike(name));
  const found = [...losses, ...scores];
  const others = pick(names, (name) => !isForRatePanel(name) && !isSystem(name));
  const shown = found.length > 0 ? found : others.length > 0 ? others : [...names].sort(byPlainness);
  return shown.slice(0, MAX_TABS).map(single);
}

/** Tabs of the rate panel: learning rate above gradient norm, throughput, then what the loss panel leaves. */
export function rateTabs(names: readonly string[]): Tab[] {
  const rate = pick(names, isRateLike)[0];
  const norms = pick(names, isGradientNormLike);
  const first = [rate, norms[0]].filter((name) => name !== undefined);
  const taken = new Set([...first, ...lossTabs(names).flatMap((tab) => tab.metrics)]);
  const left = (like: (name: string) => boolean) => pick(names, (name) => !taken.has(name) && like(name));
  const throughput = left(isThroughputLike);
  const others = left((name) => !isThroughputLike(name) && !isSystem(name) && !norms.includes(name));
  const tail = [...throughput, ...others, ...norms.slice(1)];
  const tabs = [...(first.length > 0 ? [joined(first)] : []), ...tail.map(single)];
  return tabs.slice(0, MAX_TABS);
}

function isForRatePanel(name: string): boolean {
  return isRateLike(name) || isGradientNormLike(name) || isThroughputLike(name);
}

function single(name: string): Tab {
  return { label: name, metrics: [name] };
}

function joined(names: string[]): Tab {
  return { label: names.map((name) => (isRateLike(name) ? "lr" : name)).join(" + "), metrics: names };
}

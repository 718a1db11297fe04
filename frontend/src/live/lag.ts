const WINDOW_MS = 60_000;
const RATE_MS = 5_000;
const MAX_SAMPLES = 5_000;
const MAX_WAITING = 1_000;

interface Sample {
  at: number;
  amount: number;
}

/** How long a point takes from the log call to the frame that shows it, and how many come in. Milliseconds. */
export class Lag {
  private samples: Sample[] = [];
  private arrivals: Sample[] = [];
  private readonly waiting = new Map<string, number[]>();
  private known = { now: Number.NaN, samples: this.samples, count: 0, amounts: new Float64Array(0) };

  /**
   * Points of a run that is charted came in: how many, and when the oldest and the newest were logged (both
   * count, so that the wait of a burst is not hidden).
   */
  arrived(runId: string, points: number, loggedAt: readonly number[], now: number): void {
    this.arrivals.push({ at: now, amount: points });
    this.arrivals = recent(this.arrivals, now - RATE_MS);
    const waiting = this.waiting.get(runId) ?? [];
    this.waiting.set(runId, [...waiting, ...loggedAt].slice(-MAX_WAITING));
  }

  /** A frame shows the newest points of these runs. */
  drawn(runIds: Iterable<string>, now: number): void {
    for (const runId of runIds) {
      for (const logged of this.waiting.get(runId) ?? []) {
        this.samples.push({ at: now, amount: Math.max(0, now - logged) });
      }
      this.waiting.delete(runId);
    }
    this.samples = recent(this.samples, now - WINDOW_MS).slice(-MAX_SAMPLES);
  }

  /** Nothing was drawn for a while on purpose (hidden tab): what waits tells nothing about speed. */
  skip(): void {
    this.waiting.clear();
  }

  /** The lag that a share of the samples of the last minute does not exceed; null without samples. */
  quantile(share: number, now: number): number | null {
    const amounts = this.sorted(now);
    if (amounts.length === 0) return null;
    return amounts[Math.min(amounts.length - 1, Math.ceil(share * amounts.length) - 1)] ?? null;
  }

  /** Several quantiles of one moment are told all over the page. */
  private sorted(now: number): Float64Array {
    const { samples, known } = this;
    if (known.now === now && known.samples === samples && known.count === samples.length) return known.amounts;
    const amounts = Float64Array.from(recent(samples, now - WINDOW_MS), ({ amount }) => amount).sort();
    this.known = { now, samples, count: samples.length, amounts };
    return amounts;
  }

  /** Points per second of the charted runs over the last five seconds. */
  pointsPerSecond(now: number): number {
    const total = recent(this.arrivals, now - RATE_MS).reduce((sum, sample) => sum + sample.amount, 0);
    return total / (RATE_MS / 1000);
  }
}

function recent(samples: Sample[], since: number): Sample[] {
  const first = samples.findIndex((sample) => sample.at > since);
  return first === -1 ? [] : first === 0 ? samples : samples.slice(first);
}

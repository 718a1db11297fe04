import type { Checkpoint } from "../../services/types";
import { bestOf, metricOf } from "./columns";

/** Where a checkpoint's first metric lies between the best and the worst. */
export class Scale {
  readonly best: number | null;
  private readonly worst: number;

  constructor(
    checkpoints: readonly Checkpoint[],
    readonly metric: string | undefined,
  ) {
    const best = bestOf(checkpoints, metric);
    this.best = best === null ? null : metricOf(best, metric);
    const distances = checkpoints.map((checkpoint) =>
      Math.abs((metricOf(checkpoint, metric) ?? Number.NaN) - (this.best ?? 0)),
    );
    this.worst = Math.max(...distances.filter(Number.isFinite), 0);
  }

  percent(checkpoint: Checkpoint): number {
    const value = metricOf(checkpoint, this.metric);
    if (value === null || this.best === null || this.worst === 0 || !Number.isFinite(value)) return 0;
    return Math.round((Math.abs(value - this.best) / this.worst) * 70);
  }
}

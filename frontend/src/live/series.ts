import type { Burst } from "./decode";

const START = 256;
const NONFINITE_KEPT = 256;

/** Buckets of a series, ascending in x; a bucket of one point has `mean = min = max = last`. */
export interface Columns {
  x: Float64Array;
  mean: Float64Array;
  min: Float64Array;
  max: Float64Array;
  last: Float64Array;
  count: Float64Array;
}

export interface Bucket {
  x: number;
  mean: number;
  min: number;
  max: number;
  last: number;
  count: number;
}

let made = 0;
const NAMES = ["x", "mean", "min", "max", "last", "count"] as const;

/**
 * One metric of one run in bounded memory. New points stay as they are; when there are more than `capacity`
 * entries, all but the newest `raw` are gathered into `grid` buckets of equal width, so that no extremum is lost.
 */
export class Series {
  /** Of which there is no other one in the page. */
  readonly id = ++made;
  length = 0;
  /** Steps at which the value was NaN or infinite, the newest last. */
  nonfinite: number[] = [];
  /** Value as last logged; may be NaN or infinite. */
  lastValue: number | null = null;
  lastStep: number | null = null;
  /** Another one as soon as anything but the newest entry was changed, or anything but the end was added to. */
  revision = 0;
  private columns = allocate(START);

  constructor(
    private readonly capacity = 4096,
    private readonly raw = 1536,
    private readonly grid = 1024,
  ) {}

  /** The filled part of each column; valid until the next change. */
  view(): Columns {
    const part = (name: keyof Columns) => this.columns[name].subarray(0, this.length);
    return {
      x: part("x"),
      mean: part("mean"),
      min: part("min"),
      max: part("max"),
      last: part("last"),
      count: part("count"),
    };
  }

  /** Points that the entries stand for. */
  get points(): number {
    let total = 0;
    for (let index = 0; index < this.length; index++) total += this.columns.count[index] as number;
    return total;
  }

  append(burst: Burst): void {
    for (let index = 0; index < burst.step.length; index++) {
      this.add(burst.step[index] as number, burst.value[index] as number);
    }
  }

  add(step: number, value: number): void {
    this.lastValue = value;
    this.lastStep = step;
    if (!Number.isFinite(value)) {
      if (step <= (this.columns.x[this.length - 1] ?? Number.NEGATIVE_INFINITY)) this.revision += 1;
      this.nonfinite = [...this.nonfinite, step].slice(-NONFINITE_KEPT);
      return;
    }
    this.put({ x: step, mean: value, min: value, max: value, last: value, count: 1 });
  }

  /** Forget what there is from `from` on and take these buckets instead. */
  replace(buckets: Iterable<Bucket>, nonfinite: readonly number[], from = Number.NEGATIVE_INFINITY): void {
    this.length = lowerBound(this.columns.x, this.length, from);
    this.revision += 1;
    this.nonfinite = [...this.nonfinite.filter((step) => step < from), ...nonfinite].slice(-NONFINITE_KEPT);
    for (const bucket of buckets) this.put(bucket);
    if (this.length > 0) {
      this.lastValue = this.columns.last[this.length - 1] as number;
      this.lastStep = this.columns.x[this.length - 1] as number;
    }
    const odd = this.nonfinite.at(-1);
    if (odd !== undefined && odd > (this.lastStep ?? Number.NEGATIVE_INFINITY)) {
      this.lastValue = Number.NaN;
      this.lastStep = odd;
    }
  }

  /** A history tells only that its newest value was not finite; this tells which of them it was. */
  know(step: number | null, value: number | null): void {
    if (step !== null && step === this.lastStep && value !== null) this.lastValue = value;
  }

  /** Value at the newest entry whose step is not above `step`; null when the series begins later. */
  valueAt(step: number): number | null {
    const after = lowerBound(this.columns.x, this.length, step);
    const at = after < this.length && this.columns.x[after] === step ? after : after - 1;
    return at < 0 ? null : (this.columns.mean[at] as number);
  }

  private put(bucket: Bucket): void {
    const { x } = this.columns;
    const newest = this.length === 0 ? Number.NEGATIVE_INFINITY : (x[this.length - 1] as number);
    const at = bucket.x > newest ? this.length : lowerBound(x, this.length, bucket.x);
    if (at < this.length - 1) this.revision += 1;
    if (at < this.length && x[at] === bucket.x) {
      this.merge(at, bucket);
    } else if (this.length < x.length) {
      this.insert(at, bucket);
    } else {
      this.makeRoom();
      this.put(bucket);
    }
  }

  private merge(at: number, bucket: Bucket): void {
    const { mean, min, max, last, count } = this.columns;
    const total = (count[at] as number) + bucket.count;
    mean[at] = (mean[at] as number) + ((bucket.mean - (mean[at] as number)) * bucket.count) / total;
    min[at] = Math.min(min[at] as number, bucket.min);
    max[at] = Math.max(max[at] as number, bucket.max);
    last[at] = bucket.last;
    count[at] = total;
  }

  private insert(at: number, bucket: Bucket): void {
    for (const name of NAMES) {
      const column = this.columns[name];
      if (at < this.length) column.copyWithin(at + 1, at, this.length);
      column[at] = bucket[name];
    }
    this.length += 1;
  }

  private makeRoom(): void {
    if (this.length < this.capacity) {
      const wider = allocate(Math.min(this.capacity, this.length * 2));
      for (const name of NAMES) wider[name].set(this.columns[name]);
      this.columns = wider;
    } else {
      this.compact();
    }
  }

  /** Gather the older entries into buckets of equal width. */
  private compact(): void {
    this.revision += 1;
    const older = this.length - this.raw;
    const { x } = this.columns;
    const first = x[0] as number;
    const width = ((x[older] as number) - first) / this.grid;
    let kept = 0;
    for (let index = 1; index < older; index++) {
      const same = cell(x[index] as number, first, width) === cell(x[kept] as number, first, width);
      if (same) this.merge(kept, this.at(index));
      else this.move(index, ++kept);
    }
    for (const name of NAMES) this.columns[name].copyWithin(kept + 1, older, this.length);
    this.length = kept + 1 + this.raw;
  }

  private at(index: number): Bucket {
    const bucket = { x: 0, mean: 0, min: 0, max: 0, last: 0, count: 0 };
    for (const name of NAMES) bucket[name] = this.columns[name][index] as number;
    return bucket;
  }

  private move(from: number, to: number): void {
    for (const name of NAMES) this.columns[name][to] = this.columns[name][from] as number;
  }
}

function allocate(size: number): Columns {
  const column = () => new Float64Array(size);
  return { x: column(), mean: column(), min: column(), max: column(), last: column(), count: column() };
}

function cell(x: number, first: number, width: number): number {
  return Math.floor((x - first) / width);
}

/** First index whose x is not below `wanted`. */
export function lowerBound(x: ArrayLike<number>, length: number, wanted: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((x[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

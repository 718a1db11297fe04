// @vitest-environment node
import { expect, test } from "vitest";
import { Series } from "../live/series";
import { type Course, type Range, type Reduced, Reduction, reduce, seen } from "./reduce";

function course(points: readonly (readonly [number, number])[], more: Partial<Course> = {}): Course {
  const made = new Series();
  for (const [step, value] of points) made.add(step, value);
  return { ...made.view(), odd: made.nonfinite, ...more };
}

test("a value that was not finite breaks the line where it stood, and beyond the ends breaks nothing", () => {
  const points = [
    [0, Number.NaN],
    [1, 5],
    [2, Number.NaN],
    [3, Number.POSITIVE_INFINITY],
    [4, 6],
    [5, Number.NaN],
  ] as const;
  const { x, value, min, drawn } = reduce(course(points), [0, 5], 100);
  expect(x).toEqual([1, 2, 3, 4]);
  expect(value).toEqual([5, null, null, 6]);
  expect(min).toEqual([5, null, null, 6]);
  expect(drawn).toBe(2);
});

test("a step that has a number too breaks nothing", () => {
  const points = [
    [1, 5],
    [2, 7],
    [2, Number.NaN],
    [3, 6],
  ] as const;
  expect(reduce(course(points), [0, 5], 100).value).toEqual([5, 7, 6]);
});

test("points are counted within the range alone, though its neighbours are drawn", () => {
  const all = Array.from({ length: 100 }, (_, step) => [step, step] as const);
  expect(reduce(course(all), [40, 44], 50)).toMatchObject({ x: [39, 40, 41, 42, 43, 44], drawn: 5, points: 5 });
});

test("buckets have the mean of their points, each as often as it stands for, and the last smoothed value", () => {
  const made = new Series();
  const bucket = (x: number, mean: number, count: number) => ({
    x,
    mean,
    min: mean - 1,
    max: mean + 1,
    last: 0,
    count,
  });
  made.replace([bucket(0, 10, 3), bucket(1, 2, 1), bucket(8, 5, 1), bucket(9, 7, 1)], []);
  const smooth = Float64Array.from([1, 2, 3, 4]);
  const { x, value, min, max, smooth: eased, points } = reduce({ ...made.view(), smooth }, [0, 9], 2);
  expect(x).toEqual([0, 8, 9]);
  expect(value).toEqual([8, 5, 0]);
  expect([min[0], max[0]]).toEqual([1, 11]);
  expect(eased).toEqual([2, 3, 4]);
  expect(points).toBe(6);
});

test("in view are the entries within the range, or what crosses it, and nothing of a line that is beside it", () => {
  const line = reduce(course([0, 10, 20, 30].map((x) => [x, x])), [0, 30], 100);
  expect(seen(line, [10, 20]).value).toEqual([10, 20]);
  expect(seen(line, [11, 19]).value).toEqual([10, 20]);
  expect([seen(line, [31, 40]).value, seen(line, [-5, -1]).value]).toEqual([[], []]);
});

/** Steps with gaps, repeated ones, ones that go back a little, numbers that are none; values from a fixed sequence. */
function* points(seed: number): Generator<readonly [number, number]> {
  let random = seed;
  const next = () => {
    random = (random * 1103515245 + 12345) % 2147483648;
    return random / 2147483648;
  };
  for (let step = 0; ; step += 1 + Math.floor(next() * 3)) {
    yield [step, next() < 0.04 ? Number.NaN : next() * 100];
    if (next() < 0.05) yield [step, next() * 100];
    if (next() < 0.05) yield [step - 0.5, next() * 100];
  }
}

type Told = Pick<Reduced, "x" | "value" | "max">;

/** How many entries before an x are the same. */
function same(before: Told, now: Told, x: number): number {
  const entries = ({ x, value, max }: Told, count: number) => [x, value, max].map((cells) => cells.slice(0, count));
  const count = before.x.filter((each) => each < x).length;
  expect(entries(now, count)).toEqual(entries(before, count));
  return count;
}

test("a course that grows is reduced as if it were new, and only its end is made again", () => {
  for (const [seed, buckets, size] of [
    [1, 5000, 1],
    [2, 60, 1],
    [3, 60, 17],
    [4, 200, 3],
  ] as const) {
    const [made, reduction, source] = [new Series(), new Reduction(), points(seed)];
    let before: Told = { x: [], value: [], max: [] };
    let kept = 0;
    for (let time = 0; time < 250; time++) {
      for (let more = 0; more < size; more++) made.add(...(source.next().value as [number, number]));
      const whole: Course = { ...made.view(), odd: made.nonfinite };
      const range: Range = [0, 3000];
      const grown = reduction.reduce(whole, `${made.revision}`, range, buckets);
      expect(grown).toEqual(reduce(whole, range, buckets));
      kept += same(before, grown, reduction.changed);
      before = { x: [...grown.x], value: [...grown.value], max: [...grown.max] };
    }
    expect(kept).toBeGreaterThan(1000);
  }
});

test("a window that slides forgets what lies far behind it; another course, or a part of it, is made from its start", () => {
  const [made, reduction] = [new Series(), new Reduction()];
  for (let step = 0; step < 4000; step++) {
    made.add(step, step % 7);
    const low = Math.max(0, step - 99);
    const { drawn, points, x } = reduction.reduce(made.view(), "a", [low, step], 1000);
    expect([drawn, points]).toEqual([step - low + 1, step - low + 1]);
    expect(x.length).toBeLessThan(210);
  }
  expect(reduction.changed).toBeGreaterThan(3000);
  for (const [about, range] of [
    ["b", [3900, 3999]],
    [null, [3900, 3999]],
    ["b", [100, 200]],
    ["b", [3900, 3999]],
  ] as const) {
    const now = reduction.reduce(made.view(), about, range, 1000);
    expect(reduction.changed).toBe(Number.NEGATIVE_INFINITY);
    expect(now).toEqual(reduce(made.view(), range, 1000));
  }
});

test("a course to which nothing was added is as it was; a point more at its last step is new", () => {
  const [made, reduction] = [new Series(), new Reduction()];
  const reduced = () => reduction.reduce(made.view(), `${made.revision}`, [0, 99], 20);
  for (let step = 0; step < 100; step++) made.add(step, step);
  const first = structuredClone(reduced());
  expect([reduced(), reduction.changed]).toEqual([first, Number.POSITIVE_INFINITY]);
  made.add(99, 5);
  expect(reduced().points).toBe(101);
  expect(reduction.changed).toBeLessThanOrEqual(99);
  expect(reduced().value.at(-1)).toBe(5);
});

import { expect, test, vi } from "vitest";
import { Details, isCoarse, isCoarseAt, type ReadStretch, spliced } from "./details";
import { Series } from "./series";

function series(entries: readonly (readonly [x: number, count: number])[]): Series {
  const made = new Series();
  made.replace(
    entries.map(([x, count]) => ({ x, mean: x, min: x, max: x, last: x, count })),
    [],
  );
  return made;
}

test("a stretch is asked for once, with a margin, and told when it came", async () => {
  const read = vi.fn<ReadStretch>(async () => series([[100, 1]]));
  const onRead = vi.fn();
  const details = new Details(read, onRead);
  expect(details.find("a", "loss", "step", [100, 200], 500)).toBeNull();
  expect(details.find("a", "loss", "step", [110, 200], 500)).toBeNull();
  expect(read).toHaveBeenCalledExactlyOnceWith("a", "loss", { axis: "step", from: 50, to: 250 }, 1000);
  await vi.waitFor(() => expect(onRead).toHaveBeenCalledExactlyOnceWith("a", "loss"));
  expect(details.find("a", "loss", "step", [100, 200], 500)?.length).toBe(1);
  expect(read).toHaveBeenCalledOnce();
});

test("a closer look is read anew, and so is a stretch beside; what is there is shown meanwhile", async () => {
  const read = vi.fn<ReadStretch>(async () => series([[100, 1]]));
  const details = new Details(read, () => {});
  details.find("a", "loss", "step", [100, 200], 500);
  await vi.waitFor(() => expect(details.find("a", "loss", "step", [100, 200], 500)).not.toBeNull());
  expect(details.find("a", "loss", "step", [140, 150], 500)).not.toBeNull();
  expect(read).toHaveBeenCalledTimes(2);
  expect(details.find("a", "loss", "step", [1000, 2000], 500)).toBeNull();
});

test("of what is asked for while a stretch is on its way, only the last is read", async () => {
  const answers: (() => void)[] = [];
  const read = vi.fn<ReadStretch>(
    () => new Promise<Series>((resolve) => answers.push(() => resolve(series([[1, 1]])))),
  );
  const details = new Details(read, () => {});
  for (const low of [0, 1000, 2000, 3000]) details.find("a", "loss", "step", [low, low + 10], 10);
  answers.shift()?.();
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
  expect(read.mock.lastCall?.[2]).toEqual({ axis: "step", from: 2995, to: 3015 });
});

test("a stretch with the newest points is read again after many more, one in the past is not", async () => {
  const read = vi.fn<ReadStretch>(async () => series([[100, 1]]));
  const details = new Details(read, () => {});
  const find = (range: [number, number], points: number, end: number) =>
    details.find("a", "loss", "step", range, 500, { end, points });
  find([100, 200], 5000, 180);
  await vi.waitFor(() => expect(find([100, 200], 5500, 200)).not.toBeNull());
  expect(read).toHaveBeenCalledTimes(1);
  find([100, 200], 6500, 240);
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
  await vi.waitFor(() => expect(find([100, 200], 6500, 240)).not.toBeNull());
  find([100, 200], 99_000, 5000);
  expect(read).toHaveBeenCalledTimes(2);
});

test("what may not be true any more is read again, and shown until then", async () => {
  const read = vi.fn<ReadStretch>(async () => series([[100, 1]]));
  const details = new Details(read, () => {});
  details.find("a", "loss", "step", [100, 200], 500);
  await vi.waitFor(() => expect(details.find("a", "loss", "step", [100, 200], 500)).not.toBeNull());
  details.outdate("a", "loss", "step");
  details.outdate("b", "loss", "step");
  expect(details.find("a", "loss", "step", [100, 200], 500)).not.toBeNull();
  expect(read).toHaveBeenCalledTimes(2);
});

test("a course is coarse where an entry stands for several points", () => {
  const course = series([
    [0, 10],
    [10, 10],
    [20, 1],
    [21, 1],
  ]).view();
  expect([isCoarse(course, [0, 15]), isCoarse(course, [20.5, 30]), isCoarse(course, [12, 13])]).toEqual([
    true,
    false,
    true,
  ]);
});

test("an entry is coarse at what it stands for, and nothing is before the first", () => {
  const made = series([
    [10, 5],
    [20, 1],
  ]);
  expect([9, 10, 19, 20, 99].map((x) => isCoarseAt(made, x))).toEqual([false, true, true, false, false]);
  expect(isCoarseAt(null, 1)).toBe(false);
});

test("finer entries take the place of those they stand for, and the rest of the course stays", () => {
  const course = series([
    [0, 10],
    [10, 10],
    [20, 10],
    [30, 1],
  ]).view();
  const finer = series([
    [10, 1],
    [15, 1],
    [20, 1],
  ]).view();
  expect([...spliced(course, finer).x]).toEqual([0, 10, 15, 20, 30]);
  expect([...spliced(course, finer).count]).toEqual([10, 1, 1, 1, 1]);
  expect(spliced(course, new Series().view())).toBe(course);
});

// @vitest-environment node
import { describe, expect, test } from "vitest";
import { Raster, type Stroke } from "./raster";

const BLACK = [0, 0, 0] as const;
const WHITE = [255, 255, 255] as const;
const [WIDTH, HEIGHT] = [24, 16];
const solid: Stroke = { colour: WHITE, opacity: 1, width: 1, dash: [], phase: 0 };

/** A picture of one white shape on black; how bright each pixel of a row is. */
function drawn(shape: (raster: Raster) => void): (row: number) => number[] {
  const raster = new Raster();
  raster.clear(WIDTH, HEIGHT, BLACK);
  shape(raster);
  return (row) => Array.from({ length: WIDTH }, (_, column) => raster.pixels[(row * WIDTH + column) * 4] as number);
}

const line = (points: [x: number, y: number][], stroke: Partial<Stroke> = {}) =>
  drawn((raster) => {
    const [x, y] = [points.map(([x]) => x), points.map(([, y]) => y)];
    raster.line(x, y, points.length, { ...solid, ...stroke });
  });

const sum = (rows: (row: number) => number[]) =>
  Array.from({ length: HEIGHT }, (_, row) => rows(row).reduce((all, each) => all + each, 0)).reduce(
    (all, each) => all + each,
    0,
  );

describe("a line", () => {
  test("in the middle of a row fills it, and half of two rows between them", () => {
    const middle = line([
      [2, 5.5],
      [6, 5.5],
    ]);
    expect(middle(5).slice(0, 8)).toEqual([0, 0, 255, 255, 255, 255, 0, 0]);
    expect(middle(4)).toEqual(middle(6));
    const between = line([
      [2, 5],
      [6, 5],
    ]);
    expect([between(4)[3], between(5)[3], between(6)[3]]).toEqual([127, 127, 0]);
  });
  test("is as bright whatever its slope: its area is its length times its width", () => {
    for (const [x, y] of [
      [14, 0],
      [14, 6],
      [9, 9],
      [5, 10],
      [1, 10],
      [0, 10],
    ] as const) {
      const points: [number, number][] = [
        [3.25, 2.5],
        [3.25 + x, 2.5 + y],
      ];
      const area = sum(line(points, { width: 1.5 })) / 255;
      expect(Math.abs(area / (1.5 * Math.hypot(x, y)) - 1)).toBeLessThan(0.03);
    }
  });
  test("has no seam where two stretches meet within a pixel", () => {
    const row = line([
      [2, 5.5],
      [4.5, 5.5],
      [9, 5.5],
    ])(5);
    expect(row.slice(2, 9)).toEqual(Array(7).fill(255));
  });
  test("stays as bright where hundreds of stretches lie over each other", () => {
    const points = Array.from({ length: 257 }, (_, at): [number, number] => [5.5, at % 2 === 0 ? 2 : 14]);
    const rows = line(points, { width: 3 });
    expect([3, 8, 13].map((row) => rows(row).slice(4, 7))).toEqual(Array(3).fill([255, 255, 255]));
  });
  test("goes up and down again within a pixel, as high as its points are", () => {
    const rows = line([
      [2, 12.5],
      [8.4, 12.5],
      [8.5, 2],
      [8.6, 12.5],
      [14, 12.5],
    ]);
    expect(rows(1)[8]).toBe(0);
    for (let row = 2; row < 12; row++) expect(rows(row)[8]).toBeGreaterThan(200);
  });
  test("is broken by what is no number; a point by itself is a dot", () => {
    const row = line([
      [1, 5.5],
      [4, 5.5],
      [8, Number.NaN],
      [12, 5.5],
      [16, Number.NaN],
      [18, 5.5],
      [21, 5.5],
    ])(5);
    expect(row.map((bright) => (bright > 100 ? "#" : ".")).join("")).toBe(".###.......##.....###...");
  });
  test("is dashed across, whatever the stretches it is made of, and a spike is whole", () => {
    const text = (row: number[]) => row.map((bright) => (bright === 255 ? "#" : bright === 0 ? "." : "?")).join("");
    const points: [number, number][] = [
      [-12, 5.5],
      [3, 5.5],
      [11, 5.5],
      [1e9, 5.5],
    ];
    expect(text(line(points, { dash: [4, 2] })(5))).toBe("####..####..####..####..");
    expect(text(line(points, { dash: [4, 2], phase: 5 })(5))).toBe(".####..####..####..####.");
    expect(text(line(points, { dash: [3] })(5))).toBe("###...###...###...###...");
    const spike = line(
      [
        [0, 5.5],
        [4.5, 5.5],
        [4.5, 15],
      ],
      { dash: [4, 2] },
    );
    expect(spike(10)[4]).toBe(255);
  });
  test("that leaves the picture far away is drawn as far as it is inside, and at once", () => {
    const rows = line(
      [
        [-1e6, 5.5],
        [12, 5.5],
        [12, -1e6],
        [13, 1e6],
        [1e9, 1e9],
      ],
      { dash: [1, 1] },
    );
    expect(rows(5)[0]).toBeGreaterThan(200);
    expect(rows(15)[12]).toBeGreaterThan(0);
  });
  test("lies over what there is as far as it can be seen through", () => {
    const row = line(
      [
        [2, 5.5],
        [6, 5.5],
      ],
      { opacity: 0.25 },
    )(5);
    expect(row[3]).toBe(63);
  });
});

describe("a band", () => {
  const band = (x: number[], upper: number[], lower: number[]) =>
    drawn((raster) => raster.band(x, upper, lower, x.length, WHITE, 1));

  test("is filled between its edges, which may cut pixels", () => {
    const rows = band([2, 10], [4.5, 4.5], [8, 8]);
    expect([3, 4, 5, 7, 8].map((row) => rows(row)[5])).toEqual([0, 127, 255, 255, 0]);
    expect(rows(6).slice(0, 12).map(Boolean)).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0].map(Boolean));
  });
  test("keeps every extreme, though many entries share a pixel", () => {
    const x = Array.from({ length: 400 }, (_, at) => at / 20);
    const rows = band(
      x,
      x.map((_, at) => (at === 133 ? 1 : 8)),
      x.map(() => 9),
    );
    expect(rows(1)[6]).toBe(255);
    expect(rows(8).slice(0, 20)).toEqual(Array(20).fill(255));
  });
  test("is broken where an entry is missing", () => {
    const rows = band([1, 3, 5, 9, 11], [4, 4, Number.NaN, 4, 4], [8, 8, Number.NaN, 8, 8]);
    expect(rows(5).slice(0, 13).map(Boolean)).toEqual([0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0].map(Boolean));
  });
});

test("dots are round and stand where the points are", () => {
  const rows = drawn((raster) => raster.dots([8], [8], 1, 3, WHITE));
  const text = Array.from({ length: 8 }, (_, at) =>
    rows(at + 4)
      .slice(4, 12)
      .map((bright) => (bright > 127 ? "#" : "."))
      .join(""),
  );
  expect(text).toEqual([
    "........",
    "..####..",
    ".######.",
    ".######.",
    ".######.",
    ".######.",
    "..####..",
    "........",
  ]);
});

test("rules go from edge to edge; those beside the picture are left out", () => {
  const rows = drawn((raster) => {
    raster.rule(3.7, "down", WHITE);
    raster.rule(5.2, "across", WHITE);
    for (const place of [-1, 24, Number.NaN]) raster.rule(place, "down", WHITE);
    raster.rule(16, "across", WHITE);
  });
  expect(rows(0).indexOf(255)).toBe(3);
  expect(rows(5)).toEqual(Array(WIDTH).fill(255));
  expect(sum(rows)).toBe((WIDTH + HEIGHT - 1) * 255);
});

test("the next picture, of another size, shows nothing of the last one", () => {
  const raster = new Raster();
  for (const [width, height] of [
    [40, 30],
    [10, 50],
    [40, 30],
  ] as const) {
    raster.clear(width, height, BLACK);
    raster.line([0, 1e3], [0, 1e3], 2, solid);
    raster.clear(width, height, [1, 2, 3]);
    raster.line([], [], 0, solid);
    expect(raster.pixels.length).toBe(width * height * 4);
    const colours = new Set(
      Array.from({ length: width * height }, (_, at) => raster.pixels.slice(at * 4, at * 4 + 4).join()),
    );
    expect([...colours]).toEqual(["1,2,3,255"]);
  }
});

test("a picture that moved to the left and was drawn anew from a column on is the same as one drawn whole", () => {
  const count = 60;
  const [x, y] = [
    Array.from({ length: count }, (_, at) => at * 0.7),
    Array.from({ length: count }, (_, at) => 8 + 7 * Math.sin(at * at)),
  ];
  const shapes = (raster: Raster, by: number, from: number) => {
    raster.clear(WIDTH, HEIGHT, BLACK, from);
    const places = x.map((each) => each - by);
    for (const row of [3, 9]) raster.rule(row, "across", [0, 0, 99]);
    raster.rule(22 - by, "down", [0, 0, 99]);
    raster.band(
      places,
      y.map((each) => each - 2),
      y.map((each) => each + 2),
      count,
      [0, 200, 0],
      0.3,
    );
    raster.line(places, y, count, { ...solid, colour: [200, 0, 0], dash: [5, 3], phase: by, width: 1.5 });
    raster.dots(places, y, count, 1, WHITE);
  };
  for (const by of [1, 5, 12]) {
    const [moved, whole] = [new Raster(), new Raster()];
    shapes(moved, 0, 0);
    moved.scroll(by);
    shapes(moved, by, WIDTH - by - 3);
    shapes(whole, by, 0);
    // Dots and lines at the left edge reach in from beyond it; all else is there.
    for (let row = 0; row < HEIGHT; row++) {
      const part = (raster: Raster) => [...raster.pixels.slice((row * WIDTH + 2) * 4, (row + 1) * WIDTH * 4)];
      for (const [at, level] of part(moved).entries()) {
        expect(Math.abs(level - (part(whole)[at] as number))).toBeLessThanOrEqual(2);
      }
    }
  }
});

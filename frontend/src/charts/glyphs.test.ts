import { expect, test, vi } from "vitest";
import { Glyphs } from "./glyphs";
import { Raster } from "./raster";

/** A canvas whose every character is a bar of full height, three pixels wide, from where it is drawn. */
function fakeCanvas(drawn: [character: string, x: number, mostWidth: number][]) {
  let at = 0;
  const context = {
    canvas: document.createElement("canvas"),
    measureText: () => ({ width: 6.5 }),
    clearRect: () => {},
    fillText: (text: string, x: number, _y: number, most: number) => {
      drawn.push([text, x, most]);
      at = x;
    },
    getImageData: (_x: number, _y: number, width: number, height: number) => {
      const data = new Uint8ClampedArray(width * height * 4);
      for (let pixel = 0; pixel < width * height; pixel++) {
        const column = pixel % width;
        if (column >= Math.floor(at) && column < Math.floor(at) + 3) data[pixel * 4 + 3] = 255;
      }
      return { data };
    },
  };
  return vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
}

test("a text is made of characters that the browser drew once, at quarters of a pixel, none wider than its room", () => {
  const drawn: [string, number, number][] = [];
  const canvas = fakeCanvas(drawn);
  const glyphs = new Glyphs("11px mono", 11);
  const raster = new Raster();
  raster.clear(60, 20, [0, 0, 0]);
  glyphs.write(raster, "1212", 3, 10, [255, 255, 255]);
  glyphs.write(raster, "2", 40, 10, [255, 255, 255], "right");
  canvas.mockRestore();
  expect(drawn).toEqual([
    ["1", 1, 7],
    ["2", 1.5, 7],
  ]);
  const row = Array.from({ length: 60 }, (_, x) => (raster.pixels[(10 * 60 + x) * 4] === 255 ? "#" : ".")).join("");
  expect(row.slice(0, 30)).toBe("...###...###....###...###.....".slice(0, 30));
  expect(row.indexOf("#", 30)).toBe(33);
});

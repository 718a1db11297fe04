import { Glyphs } from "./glyphs";
import type { Rgb } from "./raster";

/** The page's colours, read from its CSS variables for the canvas, which knows none. */
export interface Palette {
  colour(name: string): string;
  /** The same as red, green and blue, each 0 to 255. */
  rgb(name: string): Rgb;
  font(size: number, weight?: number): string;
  /** The characters of that font. */
  glyphs(size: number, weight: number): Glyphs;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  const parts = new Map<string, Rgb>();
  const family = style.getPropertyValue("--font-mono").trim() || "monospace";
  const colour = (name: string) => {
    const variable = /^var\((--[\w-]+)\)$/.exec(name)?.[1];
    if (variable === undefined) return name;
    const found = known.get(variable) ?? style.getPropertyValue(variable).trim();
    known.set(variable, found);
    return found;
  };
  const font = (size: number, weight = 400) => `${weight} ${size}px ${family}`;
  return {
    colour,
    rgb(name) {
      const found = parts.get(name) ?? rgbOf(colour(name));
      parts.set(name, found);
      return found;
    },
    font,
    glyphs: (size, weight) => glyphsOf(font(size, weight), size),
  };
}

/** Those of all charts. */
const glyphs = new Map<string, Glyphs>();

function glyphsOf(font: string, size: number): Glyphs {
  const known = glyphs.get(font) ?? new Glyphs(font, size);
  glyphs.set(font, known);
  return known;
}

// Those drawn before a font came are those of another one.
document.fonts?.addEventListener("loadingdone", () => glyphs.clear());

/** Of a colour as style sheets write it: `#rgb`, `#rrggbb`, or what a canvas makes one of those of. */
export function rgbOf(colour: string): Rgb {
  const hex = /^#([\da-f]{3}|[\da-f]{6})$/i.exec(colour)?.[1] ?? normalised(colour);
  const digits =
    hex.length === 3 ? [...hex].map((digit) => digit + digit) : [0, 2, 4].map((at) => hex.slice(at, at + 2));
  return digits.map((pair) => Number.parseInt(pair, 16)) as [number, number, number];
}

/** A canvas tells opaque colours as six digits, however they were written; see-through ones become grey. */
function normalised(colour: string): string {
  const context = document.createElement("canvas").getContext("2d");
  if (context === null) return "000000";
  context.fillStyle = colour;
  return /^#([\da-f]{6})$/i.exec(context.fillStyle)?.[1] ?? "808080";
}

/** A colour made see-through, in whatever form it is written. */
export function faded(colour: string, alpha: number): string {
  return `color-mix(in srgb, ${colour} ${Math.round(alpha * 100)}%, transparent)`;
}

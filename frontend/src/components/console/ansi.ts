/** A stretch of a line in one look. */
export interface Span {
  text: string;
  look: Look;
}

/** A colour: 0 to 15 of the terminal's palette, or `#rrggbb`; null is the usual one. */
export type Colour = number | string | null;

export interface Look {
  front: Colour;
  back: Colour;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  struck: boolean;
  inverse: boolean;
}

const USUAL: Look = {
  front: null,
  back: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  struck: false,
  inverse: false,
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with this character
const CODES = /\x1b\[([0-9;:]*)m/g;
const ON: Readonly<Record<number, Partial<Look>>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { struck: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { struck: false },
  39: { front: null },
  49: { back: null },
};
const MIXED = [0, 95, 135, 175, 215, 255];

/** The stretches of a line with SGR codes in it; the codes themselves are gone. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let look = USUAL;
  let from = 0;
  const add = (to: number) => {
    if (to > from) spans.push({ text: text.slice(from, to), look });
  };
  for (const found of text.matchAll(CODES)) {
    add(found.index);
    look = after(look, (found[1] ?? "").split(/[;:]/).map(Number));
    from = found.index + found[0].length;
  }
  add(text.length);
  return spans;
}

function after(look: Look, codes: number[]): Look {
  let now = look;
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    const { colour, used } = extended(code, codes.slice(at + 1));
    at += used;
    if (code === 0) now = USUAL;
    else if (colour === null) now = { ...now, ...(ON[code] ?? palette(code)) };
    else now = { ...now, [code === 38 ? "front" : "back"]: colour };
  }
  return now;
}

function palette(code: number): Partial<Look> {
  if (code >= 30 && code <= 37) return { front: code - 30 };
  if (code >= 90 && code <= 97) return { front: code - 82 };
  if (code >= 40 && code <= 47) return { back: code - 40 };
  return code >= 100 && code <= 107 ? { back: code - 92 } : {};
}

/** What follows 38 or 48: `5;n` or `2;r;g;b`. */
function extended(code: number, [kind, ...rest]: number[]): { colour: Colour; used: number } {
  if (code !== 38 && code !== 48) return { colour: null, used: 0 };
  if (kind === 5) return { colour: indexed(rest[0] ?? 0), used: 2 };
  if (kind === 2) return { colour: hex(rest.slice(0, 3)), used: 4 };
  return { colour: null, used: 1 };
}

function indexed(index: number): Colour {
  if (!Number.isInteger(index) || index < 0 || index > 255) return null;
  if (index < 16) return index;
  if (index >= 232) return hex([8, 8, 8].map((base) => base + 10 * (index - 232)));
  const mixed = index - 16;
  return hex([Math.floor(mixed / 36), Math.floor(mixed / 6) % 6, mixed % 6].map((part) => MIXED[part] ?? 0));
}

function hex(parts: number[]): Colour {
  if (parts.length < 3 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

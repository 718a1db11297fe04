/** Red, green and blue, each 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** How a line is drawn; lengths are in pixels. */
export interface Stroke {
  colour: Rgb;
  /** 0 to 1. */
  opacity: number;
  width: number;
  /** Lengths of line and gap in turn, counted across; none for a whole line. What rises or falls far has no gaps. */
  dash: readonly number[];
  /** Where the first column stands in the pattern of the dashes. */
  phase: number;
}

const FULL = 256;
const WHOLE = [0, 1] as const;
/** A stretch that rises or falls by more than this is seen whole, lest a spike be in a gap. */
const FAR_PX = 6;
const OPAQUE = 0xff << 24;
const RED_BLUE = 0xff00ff;
const GREEN = 0xff00;

/**
 * An opaque picture into which lines and bands are drawn, with soft edges. Unlike a canvas it can be moved and drawn anew
 * from a column on. Places are in pixels from the upper left corner; the x of a line never goes back, and a y that is NaN
 * breaks it.
 */
export class Raster {
  width = 0;
  height = 0;
  /** Columns before this one stay as they are. */
  private from = 0;
  /** Red, green, blue and alpha of each pixel, row by row. */
  pixels = new Uint8ClampedArray(0);
  private whole = new Int32Array(0);
  /** How far the shape in hand covers each pixel, of `FULL`, column by column; more than that is all of it. */
  private cover = new Uint16Array(0);
  /** The rows of each column that it may cover: the first one, and the one behind the last. */
  private first = new Int32Array(0);
  private behind = new Int32Array(0);
  /** Where a band is highest and lowest in each column. */
  private top = new Float64Array(0);
  private bottom = new Float64Array(0);
  private room = new ArrayBuffer(0);

  /** Start over with an empty ground of this size, or only from a column on. */
  clear(width: number, height: number, ground: Rgb, from = 0): void {
    if (width !== this.width || height !== this.height) this.resize(width, height);
    this.from = from;
    const value = packed(ground);
    if (from === 0) this.whole.fill(value);
    else for (let end = width; end <= this.whole.length; end += width) this.whole.fill(value, end - width + from, end);
  }

  /** Move all to the left by so many columns; those that come in at the right have to be drawn. */
  scroll(columns: number): void {
    this.whole.copyWithin(0, columns);
  }

  /** A straight line from edge to edge, one pixel wide. */
  rule(place: number, direction: "across" | "down", colour: Rgb): void {
    const at = Math.floor(place);
    if (at < 0 || at >= (direction === "across" ? this.height : this.width)) return;
    const value = packed(colour);
    const { from } = this;
    if (direction === "across") this.whole.fill(value, at * this.width + from, (at + 1) * this.width);
    else if (at >= from) for (let pixel = at; pixel < this.whole.length; pixel += this.width) this.whole[pixel] = value;
  }

  /** Fill a box of whole pixels. */
  fill(left: number, top: number, right: number, bottom: number, colour: Rgb): void {
    const value = packed(colour);
    const [from, to] = [Math.max(this.from, left), Math.min(this.width, right)];
    for (let row = Math.max(0, top); row < Math.min(this.height, bottom); row++) {
      if (from < to) this.whole.fill(value, row * this.width + from, row * this.width + to);
    }
  }

  /** Lay a shape over what there is that is known by how far it covers each pixel, of 255, row by row. */
  stamp(cover: Uint8ClampedArray, width: number, left: number, top: number, colour: Rgb): void {
    const value = packed(colour);
    const [first, behind] = [Math.max(0, this.from - left), Math.min(width, this.width - left)];
    const [above, below] = [Math.max(0, -top), Math.min(cover.length / width, this.height - top)];
    for (let row = above; row < below; row++) {
      const start = (top + row) * this.width + left;
      for (let column = first; column < behind; column++) {
        const covered = cover[row * width + column] as number;
        if (covered > 0) this.mix(start + column, value, covered + (covered >> 7));
      }
    }
  }

  line(x: ArrayLike<number>, y: ArrayLike<number>, length: number, stroke: Stroke): void {
    const half = Math.max(1, stroke.width) / 2;
    const gaps = stroke.dash.length > 0 ? this.gaps(stroke) : null;
    let before = Number.NaN;
    for (let at = 0; at < length; at++) {
      const here = y[at] as number;
      if (!Number.isNaN(here)) {
        if (!Number.isNaN(before)) this.piece(x[at - 1] as number, before, x[at] as number, here, half, gaps);
        else if (at + 1 === length || Number.isNaN(y[at + 1] as number)) this.disc(x[at] as number, here, stroke.width);
      }
      before = here;
    }
    this.paint(stroke.colour, stroke.opacity);
  }

  /** For each column whether a dashed line has a gap there. */
  private gaps({ dash, phase }: Stroke): Uint8Array {
    const round = roundOf(dash);
    const pattern = new Uint8Array(Math.ceil(round));
    let start = 0;
    for (let part = 0; start < round; part++) {
      const end = start + (dash[part % dash.length] as number);
      if (part % 2 === 1) pattern.fill(1, Math.round(start), Math.round(end));
      start = end;
    }
    const gaps = new Uint8Array(this.width);
    for (let column = this.from; column < this.width; column++) {
      gaps[column] = pattern[Math.floor((column + phase) % round)] as number;
    }
    return gaps;
  }

  /** A round dot at each point. */
  dots(x: ArrayLike<number>, y: ArrayLike<number>, length: number, radius: number, colour: Rgb, opacity = 1): void {
    for (let at = 0; at < length; at++) this.disc(x[at] as number, y[at] as number, radius);
    this.paint(colour, opacity);
  }

  /** What lies between two lines over the same x. */
  band(
    x: ArrayLike<number>,
    upper: ArrayLike<number>,
    lower: ArrayLike<number>,
    length: number,
    colour: Rgb,
    opacity: number,
  ): void {
    this.top.fill(Number.POSITIVE_INFINITY);
    this.bottom.fill(Number.NEGATIVE_INFINITY);
    for (let at = 0; at < length; at++) {
      if (Number.isNaN(upper[at] as number)) continue;
      const before = at > 0 && !Number.isNaN(upper[at - 1] as number) ? at - 1 : at;
      this.reach(
        x[before] as number,
        x[at] as number,
        upper[before] as number,
        upper[at] as number,
        lower[before] as number,
        lower[at] as number,
      );
    }
    for (let column = this.from; column < this.width; column++) {
      this.column(column, this.top[column] as number, this.bottom[column] as number, 1);
    }
    this.paint(colour, opacity);
  }

  /** How far a band comes in each column that its stretch between two entries passes. */
  private reach(x0: number, x1: number, upper0: number, upper1: number, lower0: number, lower1: number): void {
    const { top, bottom } = this;
    const width = x1 - x0;
    const end = Math.min(this.width - 1, Math.floor(x1));
    for (let column = Math.max(this.from, Math.floor(x0)); column <= end; column++) {
      // At the ends the entries themselves, so that no rounding takes anything off an extreme.
      const from = column <= x0 ? 0 : (column - x0) / width;
      const to = column + 1 >= x1 ? 1 : (column + 1 - x0) / width;
      const high = Math.min(between(upper0, upper1, from), between(upper0, upper1, to));
      const low = Math.max(between(lower0, lower1, from), between(lower0, lower1, to));
      if (high < (top[column] as number)) top[column] = high;
      if (low > (bottom[column] as number)) bottom[column] = low;
    }
  }

  private resize(width: number, height: number): void {
    const count = width * height;
    if (count * 6 + width * 8 > this.room.byteLength) this.room = new ArrayBuffer(count * 6 + width * 8);
    [this.width, this.height] = [width, height];
    this.pixels = new Uint8ClampedArray(this.room, 0, count * 4);
    this.whole = new Int32Array(this.room, 0, count);
    this.first = new Int32Array(this.room, count * 4, width).fill(height);
    this.behind = new Int32Array(this.room, count * 4 + width * 4, width).fill(0);
    this.cover = new Uint16Array(this.room, count * 4 + width * 8, count).fill(0);
    [this.top, this.bottom] = [new Float64Array(width), new Float64Array(width)];
  }

  /** One stretch of a line, as far as it is inside. */
  private piece(x0: number, y0: number, x1: number, y1: number, half: number, gaps: Uint8Array | null): void {
    if (x1 < this.from - half - 1) return;
    const dx = x1 - x0;
    const dy = y1 - y0;
    const isInside = x0 >= this.from && x1 <= this.width && Math.min(y0, y1) >= 0 && Math.max(y0, y1) <= this.height;
    const [from, to] = isInside ? WHOLE : inside(x0, dx, this.from, this.width, y0, dy, this.height, half + 1);
    if (from >= to) return;
    const [left, top, right, bottom] = [x0 + dx * from, y0 + dy * from, x0 + dx * to, y0 + dy * to];
    if (Math.abs(dy) <= dx) this.flat(left, top, right, bottom, half, gaps);
    else if (dy > 0) this.steep(left, top, right, bottom, half, dy > FAR_PX ? null : gaps);
    else this.steep(right, bottom, left, top, half, -dy > FAR_PX ? null : gaps);
  }

  /** Column by column: each is covered as high as the line is thick there. */
  private flat(x0: number, y0: number, x1: number, y1: number, half: number, gaps: Uint8Array | null): void {
    const slope = x1 > x0 ? (y1 - y0) / (x1 - x0) : 0;
    const reach = half * Math.sqrt(1 + slope * slope);
    const end = Math.min(this.width, Math.ceil(x1));
    for (let column = Math.max(this.from, Math.floor(x0)); column < end; column++) {
      if (gaps !== null && gaps[column] === 1) continue;
      const from = Math.max(x0, column);
      const to = Math.min(x1, column + 1);
      const y = y0 + slope * ((from + to) / 2 - x0);
      this.column(column, y - reach, y + reach, to - from);
    }
  }

  /** Row by row, downwards. */
  private steep(x0: number, y0: number, x1: number, y1: number, half: number, gaps: Uint8Array | null): void {
    const slope = (x1 - x0) / (y1 - y0);
    const reach = half * Math.sqrt(1 + slope * slope);
    const end = Math.min(this.height, Math.ceil(y1));
    for (let row = Math.max(0, Math.floor(y0)); row < end; row++) {
      const from = Math.max(y0, row);
      const to = Math.min(y1, row + 1);
      const x = x0 + slope * ((from + to) / 2 - y0);
      if (gaps === null || gaps[Math.floor(x)] !== 1) this.row(row, x - reach, x + reach, to - from);
    }
  }

  private column(column: number, low: number, high: number, part: number): void {
    const top = Math.max(0, Math.floor(low));
    const bottom = Math.min(this.height, Math.ceil(high));
    if (top >= bottom) return;
    if (top < (this.first[column] as number)) this.first[column] = top;
    if (bottom > (this.behind[column] as number)) this.behind[column] = bottom;
    const { cover } = this;
    const start = column * this.height;
    const most = part * FULL;
    const full = (most + 0.5) | 0;
    const last = bottom - 1;
    for (let row = top + 1; row < last; row++) cover[start + row] = (cover[start + row] as number) + full;
    const above = Math.min(high, top + 1) - Math.max(low, top);
    cover[start + top] = (cover[start + top] as number) + ((above * most + 0.5) | 0);
    if (last === top) return;
    const below = Math.min(high, bottom) - last;
    cover[start + last] = (cover[start + last] as number) + ((below * most + 0.5) | 0);
  }

  private row(row: number, low: number, high: number, part: number): void {
    const end = Math.min(this.width, Math.ceil(high));
    for (let column = Math.max(this.from, Math.floor(low)); column < end; column++) {
      const covered = Math.min(high, column + 1) - Math.max(low, column);
      this.add(column, row, covered * part);
    }
  }

  private disc(x: number, y: number, radius: number): void {
    const [top, bottom] = [Math.floor(y - radius - 1), Math.ceil(y + radius + 1)];
    const [left, right] = [Math.floor(x - radius - 1), Math.ceil(x + radius + 1)];
    for (let row = Math.max(0, top); row < Math.min(this.height, bottom); row++) {
      for (let column = Math.max(this.from, left); column < Math.min(this.width, right); column++) {
        const beyond = Math.hypot(column + 0.5 - x, row + 0.5 - y) - radius;
        if (beyond < 0.5) this.add(column, row, Math.min(1, 0.5 - beyond));
      }
    }
  }

  private add(column: number, row: number, covered: number): void {
    if (row < (this.first[column] as number)) this.first[column] = row;
    if (row >= (this.behind[column] as number)) this.behind[column] = row + 1;
    const at = column * this.height + row;
    const before = this.cover[at] as number;
    // Many points may share a pixel: beyond so much a number of 16 bits would begin anew.
    if (before < FULL) this.cover[at] = before + ((covered * FULL + 0.5) | 0);
  }

  /** Lay the shape in hand over what there is, and begin a new one. */
  private paint(colour: Rgb, opacity: number): void {
    const value = packed(colour);
    const share = Math.round(opacity * FULL);
    for (let column = this.from; column < this.width; column++) {
      const behind = this.behind[column] as number;
      if (behind === 0) continue;
      this.paintColumn(column, this.first[column] as number, behind, value, share);
      this.first[column] = this.height;
      this.behind[column] = 0;
    }
  }

  private paintColumn(column: number, first: number, behind: number, value: number, share: number): void {
    const { cover, width } = this;
    const start = column * this.height;
    let at = first * width + column;
    for (let row = first; row < behind; row++, at += width) {
      const covered = cover[start + row] as number;
      if (covered === 0) continue;
      cover[start + row] = 0;
      this.mix(at, value, (Math.min(covered, FULL) * share) >> 8);
    }
  }

  /** Red and blue are mixed in one go: with whole numbers they don't get into each other's way. */
  private mix(at: number, value: number, part: number): void {
    const below = this.whole[at] as number;
    const redBlue = below & RED_BLUE;
    const green = below & GREEN;
    this.whole[at] =
      OPAQUE |
      ((redBlue + (Math.imul((value & RED_BLUE) - redBlue, part) >>> 8)) & RED_BLUE) |
      ((green + (Math.imul((value & GREEN) - green, part) >>> 8)) & GREEN);
  }
}

/** As the processors of all browsers have it: the lowest byte first. */
function packed([red, green, blue]: Rgb): number {
  return OPAQUE | (blue << 16) | (green << 8) | red;
}

/** The part of a stretch that is in a box or near it, from 0 to 1; the end is not behind the start where there is none. */
function inside(
  x: number,
  dx: number,
  start: number,
  width: number,
  y: number,
  dy: number,
  height: number,
  margin: number,
): readonly [from: number, to: number] {
  const [left, right] = passage(x, dx, start - margin, width + margin);
  const [top, bottom] = passage(y, dy, -margin, height + margin);
  return [Math.max(0, left, top), Math.min(1, right, bottom)];
}

function passage(start: number, by: number, low: number, high: number): [number, number] {
  if (by === 0) return start < low || start > high ? [1, 0] : [0, 1];
  const [one, other] = [(low - start) / by, (high - start) / by];
  return one < other ? [one, other] : [other, one];
}

/** After this length a dashed line begins anew. */
function roundOf(dash: readonly number[]): number {
  let sum = 0;
  for (const part of dash) sum += part;
  return sum > 0 ? sum * (1 + (dash.length % 2)) : Number.POSITIVE_INFINITY;
}

/** Exactly either value at its end. */
function between(start: number, end: number, part: number): number {
  return part === 1 ? end : start + (end - start) * part;
}

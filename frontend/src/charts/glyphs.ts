import type { Raster, Rgb } from "./raster";

/** Places between two pixels at which a character is known, so that those of a text stand evenly. */
const PHASES = 4;

/** How far each pixel of a character is covered, of 255, row by row. */
interface Glyph {
  cover: Uint8ClampedArray;
  width: number;
}

/**
 * Characters of one font as pictures, each drawn by the browser once: in traces of live charts, texts on a canvas were
 * the largest part of a chart that draws little else anew.
 */
export class Glyphs {
  private readonly known = new Map<string, Glyph>();
  private readonly context: CanvasRenderingContext2D | null;
  /** Pixels from the left edge of a character to that of the next one. */
  readonly advance: number;
  private readonly width: number;
  private readonly height: number;

  /** @param font Of one width for all characters, as style sheets write it; `size` in pixels. */
  constructor(font: string, size: number) {
    this.height = Math.ceil(size * 1.5);
    this.context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (this.context !== null) this.context.font = font;
    this.advance = this.context?.measureText("0").width ?? size * 0.6;
    this.width = Math.ceil(this.advance) + 3;
    if (this.context === null) return;
    const { canvas } = this.context;
    [canvas.width, canvas.height] = [this.width, this.height];
    Object.assign(this.context, { font, textBaseline: "middle", textAlign: "left", fillStyle: "#fff" });
  }

  /** Write a text into a picture; `y` is the middle of its line. */
  write(raster: Raster, text: string, x: number, y: number, colour: Rgb, align: "left" | "right" = "left"): void {
    const characters = [...text];
    let left = align === "left" ? x : x - characters.length * this.advance;
    const top = Math.round(y - this.height / 2);
    for (const character of characters) {
      const phase = Math.round((left - Math.floor(left)) * PHASES);
      const { cover, width } = this.glyph(character, phase % PHASES);
      raster.stamp(cover, width, Math.floor(left) + Math.floor(phase / PHASES) - 1, top, colour);
      left += this.advance;
    }
  }

  private glyph(character: string, phase: number): Glyph {
    const id = `${phase}${character}`;
    const known = this.known.get(id) ?? this.draw(character, phase);
    this.known.set(id, known);
    return known;
  }

  private draw(character: string, phase: number): Glyph {
    const { context, width, height } = this;
    const cover = new Uint8ClampedArray(width * height);
    if (context === null) return { cover, width };
    context.clearRect(0, 0, width, height);
    // One that is wider than the font's own, as those of some scripts are, is pressed into the room there is.
    context.fillText(character, 1 + phase / PHASES, height / 2, this.advance + 0.5);
    const { data } = context.getImageData(0, 0, width, height);
    for (let at = 0; at < cover.length; at++) cover[at] = data[at * 4 + 3] as number;
    return { cover, width };
  }
}

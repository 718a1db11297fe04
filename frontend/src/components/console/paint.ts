import type { CSSProperties } from "react";
import type { Colour, Look } from "./ansi";

/** On black; on the brighter ground of the line that was walked to it is 4.5 then. */
const LEAST_ON_BLACK = 5.5;
/** On white; on that line's ground in the light theme it is 4.5 then. */
const LEAST_ON_WHITE = 5.7;

/** A look as styles; the sixteen colours of the palette are variables of the style sheet. */
export function styleOf(look: Look): CSSProperties {
  const lines = [look.underline && "underline", look.struck && "line-through"].filter(Boolean).join(" ");
  return {
    ...coloursOf(look),
    ...(look.bold ? { fontWeight: 700 } : {}),
    ...(look.italic ? { fontStyle: "italic" } : {}),
    ...(lines ? { textDecoration: lines } : {}),
  };
}

function coloursOf({ front: given, back: ground, inverse, dim }: Look): CSSProperties {
  const [front, back] = inverse ? [ground ?? "ground", given ?? "text"] : [given, ground];
  if (back !== null) return { backgroundColor: cssOf(back), color: front === null ? inkOn(back) : cssOf(front) };
  // Dimmed, the usual text still has the contrast that small text needs.
  if (front === null) return dim ? { color: "var(--text-dim)" } : {};
  return { color: typeof front === "string" ? legible(front) : cssOf(front), ...(dim ? { opacity: 0.8 } : {}) };
}

function cssOf(colour: Exclude<Colour, null>): string {
  if (typeof colour === "number") return `var(--ansi-${colour})`;
  if (colour === "ground") return "var(--bg-secondary)";
  return colour === "text" ? "var(--text-plain)" : colour;
}

/** Black on what is light, white on what is dark. */
function inkOn(back: Exclude<Colour, null>): string {
  if (typeof back === "number") return "var(--ansi-ink)";
  return luminance(back) > 0.18 ? "#000000" : "#ffffff";
}

/** The colour, or a darker one of its hue for the light theme and a lighter one for the dark: each can be read there. */
export function legible(colour: string): string {
  if (!colour.startsWith("#")) return cssOf(colour);
  return `light-dark(${readOnWhite(colour)}, ${readOnBlack(colour)})`;
}

function readOnBlack(colour: string): string {
  let parts = partsOf(colour);
  while ((luminanceOf(parts) + 0.05) / 0.05 < LEAST_ON_BLACK) {
    parts = parts.map((part) => Math.min(255, part + (255 - part) * 0.15 + 1));
  }
  return hexOf(parts);
}

function readOnWhite(colour: string): string {
  let parts = partsOf(colour);
  while (1.05 / (luminanceOf(parts) + 0.05) < LEAST_ON_WHITE) parts = parts.map((part) => part * 0.9);
  return hexOf(parts);
}

function hexOf(parts: number[]): string {
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

function luminance(colour: string): number {
  return luminanceOf(partsOf(colour));
}

function partsOf(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) || 0);
}

/** Relative luminance as WCAG counts it. */
function luminanceOf(parts: number[]): number {
  const [red = 0, green = 0, blue = 0] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The page's colours, read from its CSS variables for the canvas, which knows none. */
export interface Palette {
  colour(name: string): string;
  font(size: number, weight?: number): string;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  const family = style.getPropertyValue("--font-mono").trim() || "monospace";
  return {
    font: (size, weight = 400) => `${weight} ${size}px ${family}`,
    colour(name) {
      const variable = /^var\((--[\w-]+)\)$/.exec(name)?.[1];
      if (variable === undefined) return name;
      const found = known.get(variable) ?? style.getPropertyValue(variable).trim();
      known.set(variable, found);
      return found;
    },
  };
}

/** A colour of the form `#rrggbb` or `#rgb` made see-through; any other is left as it is. */
export function faded(colour: string, alpha: number): string {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(colour);
  const long = short
    ? `#${short
        .slice(1)
        .map((digit) => digit + digit)
        .join("")}`
    : colour;
  if (!/^#[0-9a-f]{6}$/i.test(long)) return colour;
  return `${long}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, "0")}`;
}

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

/** A colour made see-through, in whatever form it is written. */
export function faded(colour: string, alpha: number): string {
  return `color-mix(in srgb, ${colour} ${Math.round(alpha * 100)}%, transparent)`;
}

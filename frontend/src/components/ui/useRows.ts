import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useEffect, useRef, useState } from "react";

const OVERSCAN = 8;

/** Draw only the rows that can be seen. Their height is that of the density, `--row` in tokens.css. */
export function useRows<Element extends HTMLElement>(count: number) {
  const scroll = useRef<Element>(null);
  const [height, setHeight] = useState(rowHeight);
  useEffect(() => {
    const change = () => setHeight(rowHeight());
    window.addEventListener("resize", change);
    return () => window.removeEventListener("resize", change);
  }, []);
  const rows = useVirtualizer({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured again when the density changes
  useEffect(() => rows.measure(), [height]);
  return { scroll, rows };
}

/** Tells the style sheet how many rows there are, so that on a phone a short table is short. */
export function rowCount(count: number): CSSProperties {
  return { "--count": count } as CSSProperties;
}

function rowHeight(): number {
  const text = getComputedStyle(document.documentElement).getPropertyValue("--row");
  return Number.parseFloat(text) || 19;
}

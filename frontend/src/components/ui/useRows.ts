import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { usePreferences } from "../../state/preferences";

const OVERSCAN = 8;

/** Draw only the rows that can be seen. Their height is that of the density, `--row` in tokens.css. */
export function useRows<Element extends HTMLElement>(count: number) {
  const scroll = useRef<Element>(null);
  const [height, setHeight] = useState(rowHeight);
  const chosen = usePreferences((preferences) => preferences.rows);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height was chosen
  useEffect(() => {
    const change = () => setHeight(rowHeight());
    change();
    window.addEventListener("resize", change);
    return () => window.removeEventListener("resize", change);
  }, [chosen]);
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

function rowHeight(): number {
  const text = getComputedStyle(document.documentElement).getPropertyValue("--row");
  return Number.parseFloat(text) || 19;
}

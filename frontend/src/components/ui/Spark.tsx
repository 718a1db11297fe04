import { theme } from "../../styles/theme";
import { sparkPath } from "./sparkPath";

interface SparkProps {
  values: readonly number[];
  width?: number;
  height?: number;
  colour?: string;
}

/** The course of a value without axes, beside the value itself. */
export function Spark({ values, width = 62, height = 15, colour = theme.spark }: SparkProps) {
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      <path d={sparkPath(values, width, height)} fill="none" stroke={colour} strokeWidth="1" strokeLinejoin="round" />
    </svg>
  );
}

/** An SVG path over a box; values that are not finite leave a gap. Empty with fewer than two finite values. */
export function sparkPath(values: readonly number[], width: number, height: number): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return "";
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const scale = high > low ? (height - 2) / (high - low) : 0;
  const across = width / (values.length - 1);
  let pen = "M";
  let path = "";
  values.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      pen = "M";
      return;
    }
    const y = scale === 0 ? height / 2 : height - 1 - (value - low) * scale;
    path += `${pen}${(index * across).toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** The words of a metric's name in lower case: `val/topKAcc_5` is val, top, k, acc, 5. */
export function words(name: string): string[] {
  const parted = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return parted.split(/[^a-z0-9]+/).filter((word) => word !== "");
}

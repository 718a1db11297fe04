import type { Snapshot } from "./chart";
import type { Cell } from "./reduce";

type Told = Pick<Snapshot, "own" | "lines" | "metric" | "xKind" | "range">;

const X_NAMES = { step: "step", relative: "seconds", wall: "time", metric: "x" };

/** One row for each x in view; for each run and metric its mean, least and largest value, and the smoothed one if any. */
export function csvOf(shown: readonly Told[]): string {
  const columns = shown.flatMap(columnsOf);
  const all = Float64Array.from(new Set(shown.flatMap(inView))).sort();
  const head = [X_NAMES[shown[0]?.xKind ?? "step"], ...columns.map(({ name }) => textCell(name))];
  const rows = Array.from(all, (x) => [x, ...columns.map(({ at }) => at.get(x) ?? "")]);
  return [head, ...rows].map((cells) => cells.join(",")).join("\r\n");
}

interface Column {
  name: string;
  at: ReadonlyMap<number, Cell>;
}

function columnsOf({ own: drawn, lines, metric }: Told): Column[] {
  const names = lines.map(({ name }) => name);
  return lines.flatMap((line, index) => {
    const own = drawn[index];
    if (own === undefined || line.ghost) return [];
    // Runs may share a name; their ids tell them apart.
    const twin = names.indexOf(line.name) !== names.lastIndexOf(line.name);
    const run = twin ? `${line.name} (${line.runId})` : line.name;
    const column = (part: string, cells: readonly Cell[]) => ({
      name: `${run} ${metric} ${part}`,
      at: new Map(own.x.map((x, at) => [x, cells[at]])),
    });
    const parts = [column("mean", own.value), column("min", own.min), column("max", own.max)];
    return own.smooth === null ? parts : [...parts, column("smoothed", own.smooth)];
  });
}

function inView({ own: drawn, lines, range: [low, high] }: Told): number[] {
  return drawn.flatMap((own, at) => (lines[at]?.ghost ? [] : own.x.filter((x) => x >= low && x <= high)));
}

/** A name as a cell: a spreadsheet must not take it for a formula. */
function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** Labels of an x axis in steps, all in one unit: `0k 5k 10k`. */
export function stepLabels(splits: readonly number[]): string[] {
  const gap = Math.abs((splits[1] ?? 0) - (splits[0] ?? 0));
  const [unit, name] = gap >= 1e6 ? [1e6, "M"] : gap >= 1e3 ? [1e3, "k"] : [1, ""];
  const digits = decimals(splits, unit);
  return splits.map((split) => `${(split / unit).toFixed(digits)}${name}`);
}

/** Labels of a y axis with the same digits: `10.0 8.0`, or `6e-4 4e-4` where plain ones would be long. */
export function valueLabels(splits: readonly number[]): string[] {
  const largest = Math.max(0, ...splits.map(Math.abs));
  const scientific = largest > 0 && (largest < 0.01 || largest >= 1e5);
  const digits = scientific ? 0 : decimals(splits, 1);
  return splits.map((split) => (scientific ? tiny(split) : split.toFixed(digits)));
}

/** Round places within a range, so many at the most: multiples of 1, 2, 2.5 or 5 times a power of ten. */
export function evenSplits(low: number, high: number, most: number): number[] {
  const rough = (high - low) / most;
  const power = Number(`1e${Math.floor(Math.log10(rough))}`);
  return multiples(low, high, ([1, 2, 2.5, 5].find((part) => part * power >= rough) ?? 10) * power);
}

/**
 * The multiples of a gap within a range; none where numbers are too coarse to tell them apart, for which the library's
 * own ticks never come to an end.
 */
export function multiples(low: number, high: number, gap: number): number[] {
  if (!(low + gap > low && high - gap < high)) return [];
  const first = Math.ceil(low / gap);
  return Array.from({ length: Math.max(0, Math.floor(high / gap) - first + 1) }, (_, at) => (first + at) * gap);
}

const MAX_DECADES = 6;

/** Ticks of a logarithmic axis: powers of ten, with 2 and 5 or all nine between them where there is room. */
export function logSplits(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Math.log10(high) - Math.log10(low);
  const every = Math.max(1, Math.ceil(decades / MAX_DECADES));
  const within = decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const found: number[] = [];
  for (let power = first; power <= last; power += every) {
    for (const part of within) found.push(Number(`${part}e${power}`));
  }
  return found.filter((split) => split >= low && split <= high);
}

/** Labels of a logarithmic axis: each with as many digits as it needs, `1e-3 0.1 10`. */
export function logLabels(splits: readonly number[]): string[] {
  return splits.map((split) => (split < 0.01 || split >= 1e5 ? tiny(split) : String(Number(split.toPrecision(3)))));
}

/** `1.5e-4`, `6e-4`, `0`. */
function tiny(value: number): string {
  return value === 0 ? "0" : String(Number(value.toPrecision(2)).toExponential()).replace("e+", "e");
}

/** Digits after the point that tell neighbouring ticks apart. */
function decimals(splits: readonly number[], unit: number): number {
  const [first, second] = splits;
  if (first === undefined || second === undefined) return 0;
  const gap = Math.abs(second - first) / unit;
  if (gap === 0) return 0;
  const digits = Math.max(0, -Math.floor(Math.log10(gap) + 1e-9));
  return Math.min(6, Math.abs(gap * 10 ** digits - Math.round(gap * 10 ** digits)) > 1e-6 ? digits + 1 : digits);
}

/** Gaps between ticks of time, in seconds, that people count in. */
export const TIME_GAPS = [
  ...[1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800],
  ...[3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000, 2_592_000, 7_776_000, 31_536_000],
];

/** Labels of seconds since the start: `0s 30s`, `5m 10m`, `1h 1h30`, `2d`. */
export function spanLabels(splits: readonly number[]): string[] {
  const gap = Math.abs((splits[1] ?? 0) - (splits[0] ?? 0));
  return splits.map((split) => spanText(split, gap));
}

/** A span in the units that suit a gap between two of them. */
export function spanText(seconds: number, gap: number): string {
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.abs(seconds);
  if (gap < 1) return `${sign}${Number(whole.toFixed(3))}s`;
  if (gap < 60) return sign + (whole < 60 ? `${Math.round(whole)}s` : `${Math.floor(whole / 60)}m${two(whole % 60)}`);
  if (gap < 3600)
    return (
      sign + (whole < 3600 ? `${Math.round(whole / 60)}m` : `${Math.floor(whole / 3600)}h${two((whole % 3600) / 60)}`)
    );
  return sign + (gap < 86_400 ? `${Math.round(whole / 3600)}h` : `${Math.round(whole / 86_400)}d`);
}

/** Labels of the time of day: `14:32`, `14:32:07` where ticks are close, `11-28` where they are days apart. */
export function wallLabels(splits: readonly number[], zone: string | undefined): string[] {
  const gap = Math.abs((splits[1] ?? 0) - (splits[0] ?? 0));
  return splits.map((split) => wallText(split, gap, zone));
}

/** A moment, in seconds since 1970, in the units that suit a gap between two of them; `zone` as Intl knows it. */
export function wallText(seconds: number, gap: number, zone: string | undefined): string {
  return clockOf(gap >= 86_400 ? "day" : gap < 60 ? "second" : "minute", zone).format(seconds * 1000);
}

const PARTS = {
  day: { month: "2-digit", day: "2-digit" },
  minute: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
} as const;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** To make one takes longer than to draw a chart. */
function clockOf(unit: keyof typeof PARTS, zone: string | undefined): Intl.DateTimeFormat {
  const id = `${unit} ${zone}`;
  // Swedes write the hours as 00 to 23, Canadians the month before the day.
  const written = unit === "day" ? "en-CA" : "sv-SE";
  const clock = clocks.get(id) ?? new Intl.DateTimeFormat(written, { timeZone: zone, ...PARTS[unit] });
  clocks.set(id, clock);
  return clock;
}

function two(number: number): string {
  return String(Math.floor(number)).padStart(2, "0");
}

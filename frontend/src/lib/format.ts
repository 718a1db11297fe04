import { written, zoneName } from "./zone";

/** What stands where there is no value. */
export const NOTHING = "–";

/** A metric's value as a number; the strings of the wire become NaN and ±Infinity. */
export function toNumber(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && value !== "" ? Number(value) : null;
}

/** A metric's value with a steady number of digits: `2.2871`, `87.31`, `1.54e-4`, `412k`. */
export function value(raw: unknown): string {
  const number = toNumber(raw);
  if (number === null) return NOTHING;
  if (!Number.isFinite(number)) return nonFinite(number);
  const size = Math.abs(number);
  if (size === 0) return "0.0000";
  if (size < 1e-3) return exponent(number, 2);
  if (size < 10) return number.toFixed(4);
  if (size < 100) return number.toFixed(3);
  if (size < 1000) return number.toFixed(2);
  if (size < 100_000) return number.toFixed(1);
  return size < 1e15 ? short(number) : exponent(number, size < 1e100 ? 2 : 1);
}

function nonFinite(number: number): string {
  if (Number.isNaN(number)) return "NaN";
  return number > 0 ? "+Inf" : "-Inf";
}

/** `1.54e-4`; zeros at the end of the mantissa go when `digits` allows: `1e-3`. */
export function exponent(number: number, digits: number): string {
  return number.toExponential(digits).replace("e+", "e");
}

/** Made once: a number's own `toLocaleString` takes a hundred times as long, and charts tell steps all the time. */
const STEPS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 3 });

/** A whole step with thousands marked: `14,812`. */
export function step(raw: number | null | undefined): string {
  return raw === null || raw === undefined ? NOTHING : STEPS.format(raw);
}

const THOUSANDS: readonly [number, string][] = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];

/** At most three digits and a unit: `20k`, `1.31B`, `412`. */
export function short(number: number | null | undefined): string {
  if (number === null || number === undefined) return NOTHING;
  if (!Number.isFinite(number)) return nonFinite(number);
  const size = Math.abs(number);
  const unit = THOUSANDS.find(([limit]) => size >= limit * 0.9995);
  return unit ? `${threeDigits(number / unit[0])}${unit[1]}` : threeDigits(number);
}

function threeDigits(number: number): string {
  return String(Number(number.toPrecision(3)));
}

const BINARY = ["B", "KB", "MB", "GB", "TB", "PB"];

/** Bytes in units of 1024: `11.04 GB`. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return NOTHING;
  let left = Math.abs(count);
  let unit = 0;
  while (left >= 1023.995 && unit < BINARY.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${count < 0 ? "-" : ""}${unit === 0 ? left.toFixed(0) : left.toFixed(2)} ${BINARY[unit]}`;
}

/** A percentage with one digit after the point: `41.8`. */
export function percent(number: number | null | undefined): string {
  return number === null || number === undefined || !Number.isFinite(number) ? NOTHING : number.toFixed(1);
}

/** Seconds as the two largest units: `7h 21m`, `4m 05s`, `12s`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NOTHING;
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days}d ${two(hours)}h`;
  if (hours > 0) return `${hours}h ${two(minutes)}m`;
  return minutes > 0 ? `${minutes}m ${two(whole % 60)}s` : `${whole}s`;
}

/** Milliseconds since something, as one unit: `0 s`, `12 s`, `3 m`, `2 h`, `5 d`. */
export function age(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return NOTHING;
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** Time of day in the preferred zone, of microseconds since 1970: `14:32:07.118`. */
export function clock(micros: number | null | undefined): string {
  return micros === null || micros === undefined ? NOTHING : (written(micros / 1000)?.slice(11) ?? NOTHING);
}

/** A moment: microseconds since 1970, or RFC 3339 text. */
export type Moment = number | string | null | undefined;

/** Date and time in the preferred zone: `2026-11-23 14:30`. */
export function day(moment: Moment): string {
  return written(millisecondsOf(moment))?.slice(0, 16) ?? NOTHING;
}

/** Date and time with the zone they are told in: `2026-11-23 14:30 UTC`. */
export function dated(moment: Moment): string {
  const text = day(moment);
  return text === NOTHING ? NOTHING : `${text} ${zoneName(millisecondsOf(moment))}`;
}

function millisecondsOf(moment: Moment): number {
  if (moment === null || moment === undefined) return Number.NaN;
  return typeof moment === "string" ? Date.parse(moment) : moment / 1000;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

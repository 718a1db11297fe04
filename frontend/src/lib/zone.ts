/** Times are told in UTC, or in the zone of this browser. */
export type Zone = "UTC" | "LOCAL";

let zone: Zone = "UTC";

/** From now on `written` and `zoneName` use this zone; who shows times has to draw them again. */
export function tellTimesIn(chosen: Zone): void {
  zone = chosen;
}

/** A moment in milliseconds since 1970 as `2026-11-23 14:32:07.118`; null for what is no moment. */
export function written(milliseconds: number): string | null {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return null;
  const offset = zone === "LOCAL" ? date.getTimezoneOffset() * 60_000 : 0;
  return new Date(milliseconds - offset).toISOString().slice(0, 23).replace("T", " ");
}

/** Made once, which takes long. */
let names: Intl.DateTimeFormat | null = null;

/** The zone's name at a moment, which changes with daylight saving: `UTC`, `EST`, `UTC+1`. */
export function zoneName(milliseconds: number): string {
  if (zone === "UTC") return "UTC";
  names ??= new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });
  const name = names.formatToParts(milliseconds).find(({ type }) => type === "timeZoneName")?.value ?? "";
  return name.replace(/^GMT(?=[+-])/, "UTC");
}

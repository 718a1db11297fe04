import type { PanelId } from "./tree";

export interface PanelKind {
  /** In the panel's heading. */
  title: string;
  /** At the thumb on a phone. */
  short: string;
  /** Whether there may be several: their ids count, `chart-1`, `chart-2`, …; that of the others is their kind's name. */
  several: boolean;
}

/** What a panel may show. Its component is in `components/layout/contents.tsx`. */
export const KINDS = {
  runs: { title: "RUN LIST", short: "RUNS", several: false },
  system: { title: "SYSTEM STATUS", short: "SYSTEM", several: false },
  events: { title: "EVENT LOG", short: "LOG", several: false },
  loss: { title: "LOSS PLOT", short: "LOSS", several: false },
  rate: { title: "LR PLOT", short: "LR", several: false },
  config: { title: "RUN CONFIG", short: "CONFIG", several: false },
  checkpoints: { title: "CHECKPOINTS", short: "CKPT", several: false },
  actions: { title: "ACTIONS", short: "ACTIONS", several: false },
  chart: { title: "CHART", short: "CHART", several: true },
  grid: { title: "METRIC GRID", short: "GRID", several: true },
  console: { title: "CONSOLE", short: "CONSOLE", several: true },
  table: { title: "LATEST VALUES", short: "LAST", several: true },
  note: { title: "NOTE", short: "NOTE", several: true },
} as const satisfies Record<string, PanelKind>;

export type PanelType = keyof typeof KINDS;

/** What a panel shows, by its id; null when no panel has such an id. */
export function typeOf(id: PanelId): PanelType | null {
  const [, name, number] = /^([a-z]+)(?:-([1-9][0-9]{0,3}))?$/.exec(id) ?? [];
  if (name === undefined || !isType(name)) return null;
  return KINDS[name].several === (number !== undefined) ? name : null;
}

export function isType(name: string): name is PanelType {
  return Object.hasOwn(KINDS, name);
}

/** In the heading and on the tab. */
export function titleOf(id: PanelId): string {
  return named(id, "title");
}

/** At the thumb on a phone. */
export function shortTitleOf(id: PanelId): string {
  return named(id, "short");
}

/** The id of another panel of a type, beside those that are there. */
export function nextId(type: PanelType, known: readonly PanelId[]): PanelId {
  if (!KINDS[type].several) return type;
  for (let number = 1; ; number++) {
    const id = `${type}-${number}`;
    if (!known.includes(id)) return id;
  }
}

function named(id: PanelId, which: "title" | "short"): string {
  const type = typeOf(id);
  if (type === null) return id;
  const [, number] = id.split("-");
  return number === undefined || number === "1" ? KINDS[type][which] : `${KINDS[type][which]} ${number}`;
}

import { placesIn, type Rect } from "../../layout/geometry";
import { arrange, hostOf, keepHosts } from "../../layout/hosts";
import { type PanelId, panelsIn, type Tree } from "../../layout/tree";
import styles from "./Layout.module.css";

interface Placing {
  /** All panels, also those in windows of their own. */
  open: readonly PanelId[];
  /** How the panels of this window share the screen. */
  shown: Tree | null;
  /** The one that fills it. */
  filling: PanelId | null;
  /** One below the thumb at a time, side by side. */
  phone: boolean;
}

const WHOLE: Rect = { x: 0, y: 0, width: 1, height: 1 };

/** Put the panels' elements into a box, in reading order and at their places. */
export function placePanels(box: HTMLElement, { open, shown, filling, phone }: Placing): void {
  const here = shown === null ? [] : panelsIn(shown);
  arrange(box, (phone ? runsFirst(here) : here).map(hostOf));
  const rects = phone || shown === null ? new Map<PanelId, Rect>() : rectsIn(shown, filling);
  for (const id of open) {
    const rect = rects.get(id) ?? null;
    const host = hostOf(id);
    host.className = styles.host ?? "";
    host.hidden = !phone && here.includes(id) && rect === null;
    stand(host, rect);
  }
  keepHosts(open);
}

/** On a phone the run list is what one sees first. */
export function runsFirst(ids: readonly PanelId[]): readonly PanelId[] {
  return ids.includes("runs") ? ["runs", ...ids.filter((id) => id !== "runs")] : ids;
}

/** The places of those that can be seen. */
function rectsIn(shown: Tree, filling: PanelId | null): Map<PanelId, Rect> {
  if (filling !== null) return new Map([[filling, WHOLE]]);
  return new Map(placesIn(shown).map(({ stack, rect }) => [stack.active, rect]));
}

function stand(host: HTMLElement, rect: Rect | null): void {
  const { style } = host;
  style.left = rect === null ? "" : percent(rect.x);
  style.top = rect === null ? "" : percent(rect.y);
  style.width = rect === null ? "" : percent(rect.width);
  style.height = rect === null ? "" : percent(rect.height);
}

function percent(part: number): string {
  return `${part * 100}%`;
}

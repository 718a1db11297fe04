import { type PointerEvent as ReactPointerEvent, useCallback } from "react";
import { create } from "zustand";
import { type Drop, dropAt, type Place, placesIn } from "../../layout/geometry";
import { movePanel, shownTree, useLayout } from "../../layout/store";
import type { PanelId } from "../../layout/tree";
import { readView } from "../../state/view";
import { FOLDED, matches } from "./useMedia";

interface Drag {
  /** The panel that is dragged. */
  id: PanelId | null;
  /** Where it would go. */
  drop: Drop | null;
}

const STILL: Drag = { id: null, drop: null };
/** A click may tremble by so many pixels. */
const SLACK = 6;

export const useDrag = create<Drag>(() => STILL);

/** Dragging a panel by its heading or its tab onto another one; a finger scrolls instead. */
export function usePanelDrag(id: PanelId): (event: ReactPointerEvent) => void {
  return useCallback((event) => begin(id, event), [id]);
}

function begin(id: PanelId, { button, pointerType, clientX, clientY, target }: ReactPointerEvent): void {
  const control = (target as Element).closest("button:not([role='tab']), select, input, a");
  const shown = shownTree(useLayout.getState());
  if (button !== 0 || pointerType === "touch" || control !== null || shown === null || !canDrag(id)) return;
  const places = placesIn(shown);
  const ended = new AbortController();
  const listen = { capture: true, signal: ended.signal };
  const end = () => {
    ended.abort();
    useDrag.setState(STILL);
  };
  const move = (event: PointerEvent) => {
    const far = Math.hypot(event.clientX - clientX, event.clientY - clientY) > SLACK;
    if (far || useDrag.getState().id !== null) useDrag.setState({ id, drop: dropUnder(event, places, id) });
  };
  const letGo = () => {
    const { drop } = useDrag.getState();
    end();
    if (drop !== null) movePanel(id, drop.side, drop.target);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end();
  };
  window.addEventListener("pointermove", move, listen);
  window.addEventListener("pointerup", letGo, listen);
  window.addEventListener("pointercancel", end, listen);
  window.addEventListener("keydown", press, listen);
}

function dropUnder({ clientX, clientY }: PointerEvent, places: readonly Place[], id: PanelId): Drop | null {
  const area = document.querySelector("[data-layout]")?.getBoundingClientRect();
  if (area === undefined) return null;
  const drop = dropAt(places, (clientX - area.left) / area.width, (clientY - area.top) / area.height);
  return drop !== null && leadsElsewhere(id, drop) ? drop : null;
}

function canDrag(id: PanelId): boolean {
  const { popped } = useLayout.getState();
  return !popped.includes(id) && readView().maximised === null && !matches(FOLDED);
}

/** A panel that stands alone at its place can't go beside itself. */
function leadsElsewhere(id: PanelId, { target, side }: Drop): boolean {
  if (target !== id) return true;
  const own = placesIn(useLayout.getState().tree).find(({ stack }) => stack.panels.includes(id));
  return side !== "tab" && (own?.stack.panels.length ?? 0) > 1;
}

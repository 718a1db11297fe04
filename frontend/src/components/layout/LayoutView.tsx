import { memo, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { createPortal } from "react-dom";
import { edgesIn } from "../../layout/geometry";
import { hostOf } from "../../layout/hosts";
import { followAddress } from "../../layout/saved";
import { keepMetrics, openMentioned, restoreMetrics, shownTree, useLayout } from "../../layout/store";
import { findStack, folded, type PanelId, panelsIn, rowsIn, type Tree } from "../../layout/tree";
import { useViewPart } from "../../state/view";
import { PanelContent } from "./contents";
import { DropZone } from "./DropZone";
import styles from "./Layout.module.css";
import { PanelTabs } from "./PanelTabs";
import { placePanels } from "./places";
import { Separators } from "./Separators";
import { FOLDED, PHONE, useMedia } from "./useMedia";
import { useSwipe } from "./useSwipe";

/** A row is never lower than this, in pixels; the screen scrolls instead. */
const LEAST_ROW = 100;
const FOLDED_ROW = 280;

/** All open panels at their places. Each is drawn once, into an element that moves with it. */
export const LayoutView = memo(function LayoutView() {
  const tree = useLayout((layout) => layout.tree);
  const popped = useLayout((layout) => layout.popped);
  const maximised = useViewPart("maximised");
  const phone = useMedia(PHONE);
  const narrow = useMedia(FOLDED);
  const shown = useMemo(() => {
    const rest = shownTree({ tree, popped });
    return rest !== null && narrow ? folded(rest) : rest;
  }, [tree, popped, narrow]);
  const filling = phone || shown === null || maximised === null || !findStack(shown, maximised) ? null : maximised;
  const box = useRef<HTMLDivElement>(null);
  useAddress();
  useLayoutEffect(() => {
    if (box.current !== null) placePanels(box.current, { open: panelsIn(tree), shown, filling, phone });
  }, [tree, shown, filling, phone]);
  useSwipe(box, phone);
  const whole = phone || filling !== null || shown === null;
  return (
    <main id="main" className={styles.main} tabIndex={-1}>
      <div
        className={styles.area}
        style={{ minHeight: whole ? undefined : rowsIn(shown) * (narrow ? FOLDED_ROW : LEAST_ROW) }}
        data-layout=""
      >
        <div ref={box} className={styles.panels} />
        {shown === null && <p className="empty">All panels are in windows of their own.</p>}
        {!whole && !narrow && <Separators edges={edgesIn(shown)} />}
        <DropZone />
      </div>
      {panelsIn(tree).map((id) =>
        createPortal(<Placed id={id} shown={phone || filling !== null ? null : shown} />, hostOf(id), id),
      )}
    </main>
  );
});

/** A panel, with the tabs of its place above it when it is in front of others. */
const Placed = memo(function Placed({ id, shown }: { id: PanelId; shown: Tree | null }) {
  const stack = shown === null ? null : findStack(shown, id);
  return (
    <>
      {stack !== null && stack.active === id && stack.panels.length > 1 && <PanelTabs stack={stack} />}
      <Content id={id} />
    </>
  );
});

const Content = memo(PanelContent);

/** Show what the address names, at first and whenever it changes. */
function useAddress(): void {
  const metrics = useViewPart("metrics");
  const maximised = useViewPart("maximised");
  const layout = useViewPart("layout");
  useEffect(restoreMetrics, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is read from the address
  useEffect(() => void followAddress(), [layout]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: both are read from the address
  useEffect(openMentioned, [metrics, maximised]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: they are read from the address
  useEffect(keepMetrics, [metrics]);
}

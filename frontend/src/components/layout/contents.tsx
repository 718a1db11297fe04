import { type ComponentType, lazy, Suspense } from "react";
import { type PanelType, typeOf } from "../../layout/panels";
import type { PanelId } from "../../layout/tree";
import { idle } from "../../lib/idle";
import { Skeleton } from "../ui/Skeleton";
import { Panel } from "./Panel";
import { LossPanel, RatePanel } from "./wiring/PlotPanels";
import { RunsPanel } from "./wiring/RunsPanel";

/** At the latest after this long a panel that can wait is loaded. */
const IDLE_MS = 400;

/** A panel of the first screen that lets runs and charts be drawn before it. */
function later<Component extends ComponentType<{ panelId: PanelId }>>(load: () => Promise<{ default: Component }>) {
  return lazy(() => idle(IDLE_MS).then(load));
}

/** What draws each kind of panel; those that are not on the first screen are loaded when one is opened. */
const COMPONENTS: Record<PanelType, ComponentType<{ panelId: PanelId }>> = {
  runs: RunsPanel,
  system: later(() => import("./wiring/SystemPanel").then((file) => ({ default: file.SystemPanel }))),
  events: later(() => import("./wiring/EventsPanel").then((file) => ({ default: file.EventsPanel }))),
  loss: LossPanel,
  rate: RatePanel,
  config: later(() => import("./wiring/ConfigPanel").then((file) => ({ default: file.ConfigPanel }))),
  checkpoints: later(() => import("./wiring/CheckpointsPanel").then((file) => ({ default: file.CheckpointsPanel }))),
  actions: later(() => import("./wiring/ActionsPanel").then((file) => ({ default: file.ActionsPanel }))),
  chart: lazy(() => import("../metrics/ChartPanel").then((file) => ({ default: file.ChartPanel }))),
  grid: lazy(() => import("../metrics/GridPanel").then((file) => ({ default: file.GridPanel }))),
  console: lazy(() => import("../console/ConsolePanel").then((file) => ({ default: file.ConsolePanel }))),
  table: lazy(() => import("./wiring/TablePanel").then((file) => ({ default: file.TablePanel }))),
  note: lazy(() => import("../notes/NotePanel").then((file) => ({ default: file.NotePanel }))),
};

/** A panel, by its id. */
export function PanelContent({ id }: { id: PanelId }) {
  const type = typeOf(id);
  if (type === null) return null;
  const Content = COMPONENTS[type];
  return (
    <Suspense fallback={<Loading id={id} />}>
      <Content panelId={id} />
    </Suspense>
  );
}

function Loading({ id }: { id: PanelId }) {
  return (
    <Panel id={id}>
      <Skeleton label="the panel" />
    </Panel>
  );
}

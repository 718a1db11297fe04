import { changeView, readView } from "../../state/view";

/** Choose the metrics of a panel; without any it shows what it does by itself. */
export function chooseMetrics(panelId: string, chosen: readonly string[]): void {
  const { [panelId]: _, ...others } = readView().metrics;
  changeView({ metrics: chosen.length === 0 ? others : { ...others, [panelId]: chosen } });
}

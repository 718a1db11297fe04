import { answerOf, createApi } from "../services/api";
import { changeView, readView } from "../state/view";
import { type LayoutDocument, readLayout } from "./document";
import { writeDraft } from "./draft";
import { currentLayout, openMentioned, showLayout, tellProblem, useLayout } from "./store";

/** Names of the layouts that are saved on the server, in order. */
export async function layoutNames(): Promise<readonly string[]> {
  const { layouts } = await answerOf(createApi().GET("/api/layouts"));
  return layouts.map(({ name }) => name);
}

/** Save what is shown under a name, in place of what was saved under it. */
export async function saveLayout(name: string): Promise<void> {
  const layout = { ...currentLayout() };
  await answerOf(createApi().PUT("/api/layouts/{name}", { ...at(name), body: { layout } }));
  useLayout.setState({ base: name, changed: false, notice: null });
  writeDraft(null);
  changeView({ layout: name });
}

/** Show a saved layout; from then on the address names it. */
export async function loadLayout(name: string): Promise<void> {
  const { tree, metrics } = await fetched(name);
  showLayout({ tree, base: name });
  writeDraft(null);
  changeView({ layout: name, metrics, maximised: null });
}

/** Forget a saved layout. What is shown stays. */
export async function deleteLayout(name: string): Promise<void> {
  await answerOf(createApi().DELETE("/api/layouts/{name}", at(name)));
  if (readView().layout === name) changeView({ layout: null });
  if (useLayout.getState().base !== name) return;
  useLayout.setState({ base: null, changed: true });
  writeDraft({ layout: currentLayout(), base: null });
}

/** Show the layout that the address names. What the address itself says of the panels' metrics counts. */
export async function followAddress(): Promise<void> {
  const name = readView().layout;
  const { base, changed } = useLayout.getState();
  if (name === null || (base === name && !changed)) return;
  useLayout.setState({ awaited: name });
  try {
    const { tree, metrics } = await fetched(name);
    // Meanwhile somebody may have gone on.
    if (readView().layout === name) {
      showLayout({ tree, base: name });
      changeView({ metrics: { ...metrics, ...readView().metrics } });
    }
    settle(name);
  } catch (error) {
    settle(name);
    tellProblem(`Layout ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

/** A layout came, or never will: what the address speaks of besides is opened now. */
function settle(name: string): void {
  if (useLayout.getState().awaited === name) useLayout.setState({ awaited: null });
  openMentioned();
}

async function fetched(name: string): Promise<LayoutDocument> {
  const { layout } = await answerOf(createApi().GET("/api/layouts/{name}", at(name)));
  return readLayout(layout);
}

function at(name: string) {
  return { params: { path: { name } } };
}

import { vi } from "vitest";
import type { Run } from "../services/types";
import { START, type View } from "../state/address";
import type { Context } from "./command";

/** A context that notes what it was asked to do. */
export function aContext(runs: readonly Run[], over: Partial<Context> = {}): Context & { now: () => View } {
  let view: View = { ...START };
  const selected = () => runs.find((run) => run.id === view.run) ?? runs[0] ?? null;
  return {
    client: {} as Context["client"],
    view: () => view,
    now: () => view,
    change: vi.fn((patch: Partial<View>) => {
      view = { ...view, ...patch };
    }),
    runs: () => runs,
    selected,
    metrics: () => ["train/loss", "val/loss", "lr", "layer.1/grad norm"],
    findMetrics: async () => [],
    course: () => null,
    screen: {
      panels: () => [
        { id: "runs", number: 1, title: "RUN LIST" },
        { id: "loss", number: 4, title: "LOSS PLOT" },
        { id: "console-1", number: 9, title: "CONSOLE" },
      ],
      active: () => "runs",
      show: vi.fn(),
      open: vi.fn((type: string) => `${type}-1`),
      close: vi.fn(),
      move: vi.fn(),
      maximise: vi.fn(),
      popOut: vi.fn(),
      reset: vi.fn(),
      save: vi.fn(async () => {}),
      load: vi.fn(async () => {}),
      remove: vi.fn(async () => {}),
      names: vi.fn(async () => ["night"]),
      download: vi.fn(),
    },
    actions: {
      send: vi.fn(async () => {}),
      rename: vi.fn(async () => {}),
      setTags: vi.fn(async () => {}),
      setNotes: vi.fn(async () => {}),
      deleteRuns: vi.fn(async () => {}),
      undeleteRuns: vi.fn(async () => {}),
    },
    exportChart: vi.fn(async () => {}),
    download: vi.fn(),
    pause: vi.fn(),
    copy: vi.fn(async () => true),
    help: vi.fn(),
    prefill: vi.fn(),
    searchConsole: vi.fn(),
    prefer: vi.fn(),
    ...over,
  };
}

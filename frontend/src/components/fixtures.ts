import { vi } from "vitest";
import type { Selection } from "../hooks/useSelection";
import type { Checkpoint, Command, LogEvent, Run } from "../services/types";

/** A run as the server tells of it. */
export function aRun(changes: Partial<Run> = {}): Run {
  return {
    id: "run_1",
    number: 1,
    name: "first",
    project: "default",
    status: "running",
    health: "ok",
    lamps: null,
    reason: null,
    config: {},
    tags: [],
    notes: "",
    group: null,
    total_steps: 1000,
    host: "trainer",
    pid: 4711,
    attempt: 1,
    metric_definitions: {},
    start_time: "2026-11-23T14:00:00Z",
    end_time: null,
    created_at: "2026-11-23T14:00:00Z",
    updated_at: "2026-11-23T14:00:00Z",
    step: 100,
    last_time: "2026-11-23T14:01:00Z",
    summary: {},
    more: false,
    ...changes,
  };
}

export function aCheckpoint(changes: Partial<Checkpoint> = {}): Checkpoint {
  return {
    id: "ckpt_1",
    run_id: "run_1",
    number: 1,
    filepath: "/models/1.npz",
    step: 100,
    metrics: {},
    metadata: {},
    is_best: false,
    size: 1024,
    sha256: "9f3c0000000000000000000000000000000000000000000000000000000ae1a0",
    verdict: "registered",
    created_at: "2026-11-23T14:00:00Z",
    ...changes,
  };
}

export function anEvent(changes: Partial<LogEvent> = {}): LogEvent {
  return {
    type: "event",
    id: 1,
    time: 1_795_442_400_000_000,
    level: "info",
    source: "run",
    event: "run_started",
    message: "started on trainer",
    run_id: "run_1",
    step: null,
    data: null,
    ...changes,
  };
}

export function aCommand(changes: Partial<Command> = {}): Command {
  return { type: "command", id: "cmd_1", run_id: "run_1", command: "stop", state: "sent", step: null, ...changes };
}

export function aSelection(changes: Partial<Selection> = {}): Selection {
  return {
    selected: null,
    select: vi.fn(),
    compared: [],
    toggleCompare: vi.fn(),
    colourOf: () => "var(--s1)",
    dashOf: () => [],
    ...changes,
  };
}

/** jsdom lays nothing out: give scrolling lists a height, so that their rows are drawn. */
export function withLayout(): void {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(600);
  HTMLElement.prototype.scrollTo = () => undefined;
}

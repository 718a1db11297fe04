import type { Command, Run } from "../../services/types";

export type ActionId = "stop" | "compare" | "link" | "pause" | "delete";

export interface Action {
  id: ActionId;
  title: string;
  /** A key that does the same elsewhere. */
  key?: string;
  danger?: boolean;
  /** Why it does not apply now; absent when it does. */
  unless?: string | undefined;
}

interface MenuState {
  run: Run | null;
  /** Others are drawn with the run. */
  compared: boolean;
  /** There are others that ran beside it. */
  companions: boolean;
  paused: boolean;
  commands: readonly Command[];
}

/** What can be done now, in the order of its numbers. What does not apply stays, so that numbers never move. */
export function actionsFor({ run, compared, companions, paused, commands }: MenuState): Action[] {
  const none = run === null ? "no run is selected" : undefined;
  return [
    { id: "stop", title: "STOP RUN", danger: true, unless: none ?? cannotStop(run, commands) },
    {
      id: "compare",
      title: compared ? "DRAW THIS RUN ALONE" : "DRAW WITH COMPANIONS",
      unless: none ?? (compared || companions ? undefined : "no run beside it"),
    },
    { id: "link", title: "COPY LINK", key: "Y", unless: none },
    { id: "pause", title: paused ? "RESUME LIVE VIEW" : "PAUSE LIVE VIEW", key: "P" },
    { id: "delete", title: "DELETE RUN", danger: true, unless: none ?? cannotDelete(run) },
  ];
}

function cannotStop(run: Run | null, commands: readonly Command[]): string | undefined {
  if (run?.status !== "running") return "it is not running";
  return pendingStop(commands) ? "it was asked to already" : undefined;
}

function cannotDelete(run: Run | null): string | undefined {
  return run?.status === "running" ? "stop it first" : undefined;
}

/** A stop that the run has not answered yet. */
export function pendingStop(commands: readonly Command[]): boolean {
  return commands.some(({ command, state }) => command === "stop" && (state === "sent" || state === "delivered"));
}

const STAGES = ["sent", "delivered", "acknowledged"] as const;

/** How far a command got: `SENT → DELIVERED → ACKNOWLEDGED at step 1,480`. */
export function courseOf({ state = "sent", step }: Command): string {
  const reached = STAGES.indexOf(state as (typeof STAGES)[number]);
  const stages: string[] = reached < 0 ? ["sent", state] : [...STAGES.slice(0, reached + 1)];
  const at = step == null ? "" : ` at step ${step.toLocaleString("en-US")}`;
  return `${stages.map((stage) => stage.toUpperCase()).join(" → ")}${at}`;
}

import type { Command } from "../services/types";
export interface Commands {
  /** Oldest first. */
  commands: Command[];
  send(command: string): Promise<void>;
  sending: boolean;
  error: string | null;
}
export function useCommands(_runId: string | null): Commands {
  return { commands: [], send: async () => {}, sending: false, error: null };
}

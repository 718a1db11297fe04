import { useMutation, useQuery } from "@tanstack/react-query";
import { answerOf } from "../services/api";
import type { Command } from "../services/types";
import { commandsKey } from "../state/keys";
import { notBackwards } from "../state/merge";
import { useLive } from "./LiveProvider";

/** What can be asked of a run today. */
export type CommandName = "stop";

export interface Commands {
  /** Oldest first; their state follows what the run answers. */
  commands: Command[];
  send(command: CommandName): Promise<void>;
  sending: boolean;
  error: string | null;
}

const NONE: Command[] = [];

/** Commands to a run, and a way to send one. */
export function useCommands(runId: string | null): Commands {
  const { client, queries } = useLive();
  const path = { run_id: runId ?? "" };
  const { data } = useQuery({
    queryKey: commandsKey(runId),
    enabled: runId !== null,
    queryFn: async () => {
      const told = (await answerOf(client.GET("/api/runs/{run_id}/commands", { params: { path } }))).commands;
      return notBackwards(queries.getQueryData<Command[]>(commandsKey(runId)), told);
    },
  });
  const { mutateAsync, isPending, error } = useMutation({
    mutationFn: (command: CommandName) =>
      answerOf(client.POST("/api/runs/{run_id}/commands", { params: { path }, body: { command } })),
    onSettled: () => queries.invalidateQueries({ queryKey: commandsKey(runId) }),
  });
  const send = async (command: CommandName) => {
    await mutateAsync(command).catch(() => undefined);
  };
  return { commands: data ?? NONE, send, sending: isPending, error: error?.message ?? null };
}

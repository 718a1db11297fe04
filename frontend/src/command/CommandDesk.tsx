import { lazy, Suspense, useState } from "react";
import type { Selection } from "../hooks/useSelection";
import { useScreen } from "../layout/screen";
import type { Run } from "../services/types";
import { CommandLine } from "./CommandLine";
import { Prompt } from "./Prompt";
import { useContext } from "./useContext";
import { useFoundNames } from "./useFoundNames";

const HelpSheet = lazy(() => import("./HelpSheet"));

export interface CommandDeskProps {
  run: Run | null;
  runs: readonly Run[];
  selection: Selection;
  /** The runs are known. */
  ready: boolean;
  /** What was typed while this was on its way; null when nobody is at the line. */
  typed: string | null;
  /** Enter was pressed after it. */
  sent: boolean;
}

/** The command line with all its functions, and HELP. */
export default function CommandDesk({ run, runs, selection, ready, typed: first, sent }: CommandDeskProps) {
  const [typed, setTyped] = useState(first ?? "");
  const [topic, setTopic] = useState<string | null>(null);
  const help = useScreen((screen) => screen.help);
  const { showHelp } = useScreen.getState();
  const found = useFoundNames(run?.id ?? null, lastWord(typed));
  const context = useContext({
    runs,
    run,
    found,
    onHelp(about) {
      setTopic(about);
      showHelp(true);
    },
  });
  const close = () => {
    showHelp(false);
    setTopic(null);
  };
  return (
    <>
      <CommandLine context={context} onType={setTyped} ready={ready} typed={first} sent={sent}>
        <Prompt run={run} selection={selection} />
      </CommandLine>
      {help && (
        <Suspense>
          <HelpSheet topic={topic} onClose={close} />
        </Suspense>
      )}
    </>
  );
}

/** What a metric is looked for by: the word that is being typed. */
function lastWord(typed: string): string {
  return typed.split(/\s/).at(-1) ?? "";
}

import { lazy, Suspense, useState } from "react";
import { Swatch } from "../components/ui/Swatch";
import type { Selection } from "../hooks/useSelection";
import { useScreen } from "../layout/screen";
import type { Run } from "../services/types";
import { CommandLine } from "./CommandLine";
import { useContext } from "./useContext";
import { useFoundNames } from "./useFoundNames";

const HelpSheet = lazy(() => import("./HelpSheet"));

interface CommandBarProps {
  run: Run | null;
  runs: readonly Run[];
  selection: Selection;
  /** The runs are known. */
  ready: boolean;
}

/** The command line of the page, with the selected run in front of it and HELP behind it. */
export function CommandBar({ run, runs, selection, ready }: CommandBarProps) {
  const [typed, setTyped] = useState("");
  const [topic, setTopic] = useState<string | null>(null);
  const help = useScreen((screen) => screen.help);
  const { showHelp } = useScreen.getState();
  const found = useFoundNames(run?.id ?? null, lastWord(typed));
  const context = useContext({
    runs,
    run,
    selection,
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
      <CommandLine context={context} onType={setTyped} ready={ready}>
        {run && (
          <>
            <Swatch colour={selection.colourOf(run.id)} dash={selection.dashOf(run.id)} />
            <b className="clip" title={`R${run.number} ${run.name}`}>
              {run.name}
            </b>
          </>
        )}
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

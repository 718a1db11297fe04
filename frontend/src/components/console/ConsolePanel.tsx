import { useRef, useState } from "react";
import { useLogs } from "../../hooks/useLogs";
import { useRun } from "../../hooks/useRuns";
import { useSelection } from "../../hooks/useSelection";
import { step } from "../../lib/format";
import { ALL_LINES, type LineFilter } from "../../live/lines";
import { useViewPart } from "../../state/view";
import { Panel } from "../layout/Panel";
import { PHONE, useMedia } from "../layout/useMedia";
import { About } from "../layout/wiring/About";
import { Icon } from "../ui/Icon";
import styles from "./Console.module.css";
import { ConsoleLines } from "./ConsoleLines";
import { Filters } from "./Filters";
import { SearchField } from "./SearchField";
import { useConsoleKeys } from "./useConsoleKeys";
import { useScroll } from "./useScroll";
import { useSearch } from "./useSearch";
import { useStepLink } from "./useStepLink";

/** What the selected run prints. */
export function ConsolePanel({ panelId }: { panelId: string }) {
  const { selected } = useSelection();
  if (selected !== null) return <RunConsole key={selected} panelId={panelId} runId={selected} />;
  return (
    <Panel id={panelId}>
      <p className="empty">Select a run to see what it prints.</p>
    </Panel>
  );
}

function RunConsole({ panelId, runId }: { panelId: string; runId: string }) {
  const at = useViewPart("at");
  const [filter, setFilter] = useState<LineFilter>(ALL_LINES);
  // A narrow heading has no room for all, and a narrow screen none for long lines.
  const phone = useMedia(PHONE);
  const [wrap, setWrap] = useState(phone);
  const [current, setCurrent] = useState<number | null>(null);
  const log = useLogs(runId, filter);
  const scroll = useScroll(log);
  const show = (place: number) => {
    setCurrent(place);
    scroll.show(place);
  };
  const link = useStepLink({ log, box: scroll.box, runId, at, show });
  const search = useSearch({ log, runId, filter, scroll, current, setCurrent });
  const ranks = useRanks(log.lines.ranks());

  const toggleWrap = () => setWrap(!wrap);
  const press = useConsoleKeys({
    log,
    scroll,
    current,
    setCurrent,
    choose: link.choose,
    hit: search.step,
    find: () => search.field.current?.focus(),
    wrap: toggleWrap,
  });
  const more = <WrapAndFile runId={runId} wrap={wrap} onWrap={toggleWrap} />;
  const leave = () => {
    search.setText("");
    scroll.box.current?.focus();
  };
  return (
    <Panel
      id={panelId}
      about={<RunAbout runId={runId} following={scroll.following} />}
      controls={
        <>
          <AtStep at={at} missed={link.missed} onFind={link.find} />
          {!phone && more}
        </>
      }
    >
      <div className={styles.console}>
        <div className={styles.bar}>
          <SearchField {...search} current={current} onChange={search.setText} onStep={search.step} onLeave={leave} />
          <Filters filter={filter} ranks={ranks} onChange={setFilter} />
          {phone && more}
        </div>
        <ConsoleLines
          log={log}
          scroll={scroll}
          wrap={wrap}
          wanted={search.text}
          current={current}
          marked={link.marked}
          ranked={ranks.length > 1}
          onChoose={link.choose}
          onKeyDown={press}
        />
      </div>
    </Panel>
  );
}

function RunAbout({ runId, following }: { runId: string; following: boolean }) {
  const selection = useSelection();
  const run = useRun(runId);
  return (
    <>
      <About run={run} selection={selection} />
      {following && run?.status === "running" && (
        <span className="good">
          <Icon name="dot" /> TAIL
        </span>
      )}
    </>
  );
}

interface AtStepProps {
  /** Where the charts' crosshair stands. */
  at: number | null;
  missed: boolean;
  onFind(): Promise<void>;
}

function AtStep({ at, missed, onFind }: AtStepProps) {
  if (at === null) return null;
  return (
    <button type="button" className="button" onClick={() => void onFind()}>
      {missed ? `NOTHING PRINTED BY STEP ${step(at)}` : `AT STEP ${step(at)}`}
    </button>
  );
}

function WrapAndFile({ runId, wrap, onWrap }: { runId: string; wrap: boolean; onWrap(): void }) {
  return (
    <>
      <fieldset className="seg" aria-label="Lines">
        <button type="button" aria-pressed={wrap} title="w" onClick={onWrap}>
          WRAP
        </button>
      </fieldset>
      <a className={`button ${styles.download}`} href={`api/runs/${encodeURIComponent(runId)}/logs/download`} download>
        DOWNLOAD
      </a>
    </>
  );
}

/** Ranks seen so far: a filter hides the others' lines, but not that there are others. */
function useRanks(known: readonly number[]): readonly number[] {
  const seen = useRef<readonly number[]>([]);
  const all = [...new Set([...seen.current, ...known])].sort((left, right) => left - right);
  if (all.length !== seen.current.length) seen.current = all;
  return seen.current;
}

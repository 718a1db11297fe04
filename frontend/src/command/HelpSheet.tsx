import { Fragment, useState } from "react";
import { KEY_SHEET } from "../components/layout/keys";
import { Dialog } from "../components/ui/Dialog";
import { useScreen } from "../layout/screen";
import { keyOf } from "./bindings";
import type { Command, Group } from "./command";
import styles from "./HelpSheet.module.css";
import { linkOf } from "./linked";
import { rank } from "./rank";
import { COMMANDS } from "./registry";

const GROUPS: readonly Group[] = ["RUNS", "CHARTS", "DETAILS", "STEER", "SCREEN", "SHARE"];

interface HelpSheetProps {
  /** A function to begin with; null: all of them. */
  topic: string | null;
  onClose(): void;
}

/** All functions and keys on one sheet; each function is a link that does it. */
export default function HelpSheet({ topic, onClose }: HelpSheetProps) {
  const [looked, setLooked] = useState(topic ?? "");
  const found = COMMANDS.filter((command) => answers(command, looked));
  const { letterKeys, setLetterKeys } = useScreen();
  return (
    <Dialog title="FUNCTIONS AND KEYS" wide onClose={onClose}>
      <div className={styles.sheet}>
        <input
          className={styles.look}
          value={looked}
          aria-label="Look for a function"
          placeholder="look for a function"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setLooked(event.target.value)}
        />
        <p className={styles.grammar}>
          <b>/</b> then <b>[run] FUNCTION [words]</b> then <b>Enter</b>. A run is its number (R12), its name, @tag or *;
          without one it is the selected run. A few letters are enough: the likeliest is taken.
        </p>
        <div className={styles.groups}>
          {GROUPS.map((group) => (
            <Functions
              key={group}
              group={group}
              found={found.filter((command) => command.group === group)}
              onTake={onClose}
            />
          ))}
          <section aria-label="KEYS">
            <h3>KEYS</h3>
            <dl>
              {KEY_SHEET.map(([key, does]) => (
                <div key={key}>
                  <dt>{key}</dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
            <label className={styles.letters}>
              <input type="checkbox" checked={letterKeys} onChange={(event) => setLetterKeys(event.target.checked)} />
              Single letters are keys (turn off for dictation)
            </label>
          </section>
        </div>
        {found.length === 0 && <p className="warning">No function is called so.</p>}
      </div>
    </Dialog>
  );
}

function Key({ of: { key, name } }: { of: Command }) {
  const shown = key ?? keyOf(name);
  return shown === undefined ? null : <kbd>{shown}</kbd>;
}

/** The words behind a function; a long choice of them goes on in the next line. */
function Usage({ of: { usage = "" } }: { of: Command }) {
  return (
    <span className="dim">
      {usage.split("|").map((choice, at) => (
        <Fragment key={choice}>
          {at > 0 && (
            <>
              |<wbr />
            </>
          )}
          {choice}
        </Fragment>
      ))}
    </span>
  );
}

function answers({ name, also, does }: Command, looked: string): boolean {
  if (looked.trim() === "") return true;
  return [name, ...(also ?? [])].some((each) => (rank(looked, each) ?? 0) >= 400) || (rank(looked, does) ?? 0) >= 400;
}

function Functions({ group, found, onTake }: { group: Group; found: readonly Command[]; onTake(): void }) {
  if (found.length === 0) return null;
  return (
    <section aria-label={group}>
      <h3>{group}</h3>
      <dl>
        {found.map((command) => (
          <div key={command.name}>
            <dt>
              <a href={linkOf(command.name)} onClick={onTake}>
                {command.name}
              </a>{" "}
              <Usage of={command} />
            </dt>
            <dd>
              {command.does}
              <Key of={command} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

import { type ComponentType, useEffect, useRef, useState } from "react";
import type { CommandDeskProps } from "./CommandDesk";
import styles from "./CommandLine.module.css";
import { Prompt } from "./Prompt";
import { leadsToLine, PLACEHOLDER } from "./slash";

type CommandBarProps = Omit<CommandDeskProps, "typed" | "sent">;

/** After this long the functions are loaded without being asked for. */
const IDLE_MS = 1_500;

/**
 * The command line of the page. Its functions are loaded once the page stands, or as soon as somebody is at the line;
 * what is typed meanwhile is not lost.
 */
export function CommandBar(props: CommandBarProps) {
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState<string | null>(null);
  const [sent, setSent] = useState(false);
  const Desk = useDesk(input, typed !== null);
  if (Desk !== null) return <Desk {...props} typed={typed} sent={sent} />;
  return (
    <search className={styles.line} aria-label="Command line">
      <Prompt run={props.run} selection={props.selection} />
      <input
        ref={input}
        aria-label="Command"
        // What is typed after Enter belongs to the next line.
        readOnly={sent}
        placeholder={PLACEHOLDER}
        autoComplete="off"
        spellCheck={false}
        onFocus={() => setTyped((before) => before ?? "")}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && !event.nativeEvent.isComposing && setSent(true)}
      />
    </search>
  );
}

/** The functions, once they are loaded: when somebody is at the line, else a while after the page stands. */
function useDesk(input: { current: HTMLInputElement | null }, wanted: boolean): ComponentType<CommandDeskProps> | null {
  const [desk, setDesk] = useState<ComponentType<CommandDeskProps> | null>(null);
  const [failures, setFailures] = useState(0);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!leadsToLine(event) || input.current === null) return;
      event.preventDefault();
      input.current.focus();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [input]);
  useEffect(() => {
    if (desk !== null) return;
    const load = () => {
      import("./CommandDesk").then(
        (file) => setDesk(() => file.default),
        // The server is away: asked again after a while, and the header says so meanwhile.
        () => setFailures((count) => count + 1),
      );
    };
    const timer = setTimeout(load, wanted && failures === 0 ? 0 : IDLE_MS);
    return () => clearTimeout(timer);
  }, [desk, wanted, failures]);
  return desk;
}

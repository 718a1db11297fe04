import { useId, useRef, useState } from "react";
import type { PanelId } from "../../layout/tree";
import { idle } from "../../lib/idle";

const IDLE_MS = 2_000;

type Menu = typeof import("./PanelItems");

/** Loaded after the page: the menu is there at once when it is opened, so that no key goes to the page instead. */
let loaded: Menu | null = null;

async function load(): Promise<void> {
  loaded = await import("./PanelItems");
}

// What fails here is tried again when a menu is opened.
void idle(IDLE_MS)
  .then(load)
  .catch(() => {});

interface PanelMenuProps {
  id: PanelId;
  title: string;
  number: number;
}

/** The panel's number, which opens what can be done with its place, without a mouse too. */
export function PanelMenu({ id, title, number }: PanelMenuProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useId();
  const toggle = () => setOpen(!open);
  const Items = loaded?.PanelItems;
  return (
    <>
      <button
        ref={button}
        type="button"
        aria-label={`${number} ${title}: move, pop out, close`}
        title="Move, pop out, close"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? menu : undefined}
        onFocus={() => void load()}
        onClick={() => (loaded === null ? void load().then(toggle) : toggle())}
      >
        {number}
      </button>
      {open && Items && button.current !== null && (
        <Items id={id} menu={menu} title={title} anchor={button.current} onClose={() => setOpen(false)} />
      )}
    </>
  );
}

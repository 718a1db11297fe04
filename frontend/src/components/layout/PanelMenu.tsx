import { useId, useRef, useState } from "react";
import type { PanelId } from "../../layout/tree";
import { PanelItems } from "./PanelItems";

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
        onClick={() => setOpen(!open)}
      >
        {number}
      </button>
      {open && button.current !== null && (
        <PanelItems id={id} menu={menu} title={title} anchor={button.current} onClose={() => setOpen(false)} />
      )}
    </>
  );
}

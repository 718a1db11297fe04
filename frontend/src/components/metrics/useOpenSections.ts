import { useCallback, useMemo, useState } from "react";
import type { Section } from "../../lib/metricSections";

const KEY = "stepwire.sections";
/** Sections are open from the first on until so many charts are to be seen. */
const ENOUGH_OPEN = 24;

type Toggled = Readonly<Record<string, boolean>>;

/** Which sections are open: as somebody left them in this browser, else the first ones. */
export function useOpenSections(panelId: string, sections: readonly Section[], searched: boolean) {
  const [toggled, setToggled] = useState<Toggled>(() => stored()[panelId] ?? {});
  const usual = useMemo(() => openAtFirst(sections, searched), [sections, searched]);
  const isOpen = useCallback(({ name }: Section) => toggled[name] ?? usual.has(name), [toggled, usual]);
  const toggle = (section: Section) => {
    const next = { ...toggled, [section.name]: !isOpen(section) };
    setToggled(next);
    localStorage.setItem(KEY, JSON.stringify({ ...stored(), [panelId]: next }));
  };
  return { isOpen, toggle };
}

/** Who searched wants to see what was found. */
function openAtFirst(sections: readonly Section[], searched: boolean): ReadonlySet<string> {
  const open = new Set<string>();
  let count = 0;
  for (const { name, metrics } of sections) {
    if (searched || count < ENOUGH_OPEN) open.add(name);
    count += metrics.length;
  }
  return open;
}

function stored(): Record<string, Toggled> {
  try {
    const told: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof told === "object" && told !== null ? (told as Record<string, Toggled>) : {};
  } catch {
    return {}; // somebody else wrote there
  }
}

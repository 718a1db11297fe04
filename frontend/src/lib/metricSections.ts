/** Metrics of one kind. */
export interface Section {
  /** What their names begin with, numbers as `*`: `train/`, `layer.*\/`; empty for names without a folder. */
  name: string;
  metrics: string[];
}

/** The metrics by what their names begin with; sections and metrics in the order of their names, numbers by size. */
export function metricSections(names: readonly string[]): Section[] {
  const sections = new Map<string, string[]>();
  for (const name of names) {
    const section = sectionOf(name);
    const known = sections.get(section);
    if (known) known.push(name);
    else sections.set(section, [name]);
  }
  return [...sections]
    .map(([name, metrics]) => ({ name, metrics: metrics.sort(byName) }))
    .sort((left, right) => rank(left.name) - rank(right.name) || byName(left.name, right.name));
}

function sectionOf(name: string): string {
  const end = name.indexOf("/");
  if (end >= 0) return `${name.slice(0, end).replace(/\d+/g, "*")}/`;
  // Without a folder numbers alone tell that there are many of a kind: `loss_0`, `loss_1`.
  const kind = name.replace(/\d+/g, "*");
  return kind === name ? "" : kind;
}

/** What is logged without a folder, then training and validation; the machine's own come last. */
function rank(section: string): number {
  if (section.startsWith("system/")) return 4;
  if (section === "") return 0;
  if (/^train/i.test(section)) return 1;
  return /^(val|eval|test|dev)/i.test(section) ? 2 : 3;
}

const NAMES = new Intl.Collator("en", { numeric: true });

function byName(left: string, right: string): number {
  return NAMES.compare(left, right);
}

/** A small part of markdown, as data: whoever draws it makes elements of it, never HTML. */
export type Block =
  | { kind: "heading"; level: 1 | 2 | 3 | 4; inline: Inline[] }
  | { kind: "paragraph" | "quote"; inline: Inline[] }
  | { kind: "list"; ordered: boolean; items: Item[] }
  | { kind: "code"; text: string }
  | { kind: "rule" };

/** `done` is null when it is no task. */
export interface Item {
  depth: number;
  done: boolean | null;
  inline: Inline[];
}

export type Inline =
  | { kind: "text" | "code"; text: string }
  | { kind: "strong" | "emphasis" | "struck"; inline: Inline[] }
  | { kind: "link"; address: string; inline: Inline[] };

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^(#{1,4})\s+(\S.*)$/;
const HEADING_END = /(?<=\s)#+$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(?:\[([ xX])\]\s+)?(.*)$/;
const QUOTE = /^\s*>\s?/;
const MOST_NESTED = 8;

/** The blocks of a text. Whatever is none of them is a paragraph. */
export function blocksOf(text: string): Block[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const { block, used } = blockAt(lines, at);
    if (block !== null) blocks.push(block);
    at += used;
  }
  return blocks;
}

function blockAt(lines: readonly string[], at: number): { block: Block | null; used: number } {
  const line = lines[at] ?? "";
  if (line.trim() === "") return { block: null, used: 1 };
  if (FENCE.test(line)) return codeAt(lines, at);
  const heading = HEADING.exec(line);
  if (heading) {
    const level = (heading[1] ?? "#").length as 1 | 2 | 3 | 4;
    return { block: { kind: "heading", level, inline: inlineOf(headingText(heading[2] ?? "")) }, used: 1 };
  }
  if (RULE.test(line)) return { block: { kind: "rule" }, used: 1 };
  if (ITEM.test(line)) return listAt(lines, at);
  const quoted = QUOTE.test(line);
  const count = countWhile(lines, at, (each) => (quoted ? QUOTE.test(each) : isPlain(each)));
  const text = lines.slice(at, at + Math.max(1, count)).map((each) => (quoted ? each.replace(QUOTE, "") : each.trim()));
  return {
    block: { kind: quoted ? "quote" : "paragraph", inline: inlineOf(text.join("\n")) },
    used: Math.max(1, count),
  };
}

/** Without the number signs that may end it. */
function headingText(text: string): string {
  return text.trimEnd().replace(HEADING_END, "").trimEnd();
}

function isPlain(line: string): boolean {
  return line.trim() !== "" && ![FENCE, HEADING, RULE, ITEM, QUOTE].some((other) => other.test(line));
}

function codeAt(lines: readonly string[], at: number): { block: Block; used: number } {
  const fence = FENCE.exec(lines[at] ?? "")?.[1] ?? "```";
  const count = countWhile(lines, at + 1, (line) => !line.trim().startsWith(fence));
  return { block: { kind: "code", text: lines.slice(at + 1, at + 1 + count).join("\n") }, used: count + 2 };
}

function listAt(lines: readonly string[], at: number): { block: Block; used: number } {
  const count = countWhile(lines, at, (line) => ITEM.test(line) && !RULE.test(line));
  const items = lines.slice(at, at + count).map((line): Item => {
    const [, indent = "", , mark, text = ""] = ITEM.exec(line) ?? [];
    return {
      depth: Math.min(MOST_NESTED, Math.floor(indent.replaceAll("\t", "  ").length / 2)),
      done: mark === undefined ? null : mark !== " ",
      inline: inlineOf(text),
    };
  });
  const ordered = /^\s*\d/.test(lines[at] ?? "");
  return { block: { kind: "list", ordered, items }, used: count };
}

function countWhile(lines: readonly string[], at: number, test: (line: string) => boolean): number {
  const end = lines.slice(at).findIndex((line) => !test(line));
  return end < 0 ? lines.length - at : end;
}

const INLINE = [
  /`([^`\n]+)`/g,
  /\*\*(?=\S)([^*]+?)\*\*|(?<!\w)__(?=\S)([^_]+?)__(?!\w)/g,
  /(?<![\w*])\*(?=\S)([^*\n]+?)\*(?!\w)|(?<![\w_])_(?=\S)([^_\n]+?)_(?!\w)/g,
  /~~([^~\n]+)~~/g,
  /\[([^[\]\n]+)\]\(([^()\s]+)\)/g,
  /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g,
] as const;

/** What stands in a line: code, emphasis and links of the web; all else is text. */
export function inlineOf(text: string, depth = 0): Inline[] {
  const parts: Inline[] = [];
  const plain = (part: string) => part !== "" && parts.push({ kind: "text", text: part });
  const next = finderIn(text);
  let from = 0;
  for (let found = next(0); found !== null && depth <= MOST_NESTED; found = next(from)) {
    const { form, match } = found;
    plain(text.slice(from, match.index));
    parts.push(inlineFrom(form, match, depth));
    from = match.index + match[0].length;
  }
  plain(text.slice(from));
  return parts;
}

type Found = { form: number; match: RegExpExecArray };

/**
 * Finds whatever form comes first from a place on; of two at the same place the one that is higher in the list. What
 * lies ahead is not looked for again: a long text would take too long.
 */
function finderIn(text: string): (from: number) => Found | null {
  const ahead: (RegExpExecArray | null | undefined)[] = [];
  return (from) => {
    let first: Found | null = null;
    for (const [form, expression] of INLINE.entries()) {
      let match = ahead[form];
      if (match === undefined || (match !== null && match.index < from)) {
        expression.lastIndex = from;
        match = ahead[form] = expression.exec(text);
      }
      if (match !== null && (first === null || match.index < first.match.index)) first = { form, match };
    }
    return first;
  };
}

function inlineFrom(form: number, match: RegExpExecArray, depth: number): Inline {
  const inner = match[1] ?? match[2] ?? "";
  if (form === 0) return { kind: "code", text: inner };
  if (form === 4) return linkOf(match[0], match[2] ?? "", inlineOf(match[1] ?? "", depth + 1));
  if (form === 5) return linkOf(match[0], match[0], [{ kind: "text", text: match[0] }]);
  const kind = (["strong", "emphasis", "struck"] as const)[form - 1] ?? "strong";
  return { kind, inline: inlineOf(inner, depth + 1) };
}

/** Only addresses of the web are links; any other one stays what was written. */
function linkOf(written: string, address: string, inline: Inline[]): Inline {
  return /^https?:\/\//i.test(address) ? { kind: "link", address, inline } : { kind: "text", text: written };
}

import { type ReactNode, useMemo } from "react";
import { type Block, blocksOf, type Inline, type Item } from "./markdown";
import styles from "./NotePanel.module.css";

/** A text with markdown in it, as elements. What somebody wrote is never HTML. */
export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  // biome-ignore lint/suspicious/noArrayIndexKey: the blocks of a text have no other name
  return blocks.map((block, at) => <Drawn key={at} block={block} />);
}

function Drawn({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading": {
      // The panel's own heading is of the second level.
      const Tag = `h${block.level + 2}` as "h3" | "h4" | "h5" | "h6";
      return <Tag>{inlines(block.inline)}</Tag>;
    }
    case "quote":
      return <blockquote>{inlines(block.inline)}</blockquote>;
    case "list": {
      const Tag = block.ordered ? "ol" : "ul";
      return <Tag className={block.ordered ? styles.ordered : undefined}>{block.items.map(item)}</Tag>;
    }
    case "code":
      return <pre>{block.text}</pre>;
    case "rule":
      return <hr />;
    case "paragraph":
      return <p>{inlines(block.inline)}</p>;
  }
}

function item({ depth, done, inline }: Item, at: number): ReactNode {
  return (
    <li key={at} style={{ marginLeft: `${2 * depth}ch` }} data-task={done ?? undefined}>
      {done !== null && <span className={done ? "good" : "dim"}>[{done ? "x" : " "}] </span>}
      {inlines(inline)}
    </li>
  );
}

function inlines(parts: readonly Inline[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line have no other name
  return parts.map((part, at) => <Part key={at} part={part} />);
}

function Part({ part }: { part: Inline }) {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
      return <code>{part.text}</code>;
    case "strong":
      return <strong>{inlines(part.inline)}</strong>;
    case "emphasis":
      return <em>{inlines(part.inline)}</em>;
    case "struck":
      return <s>{inlines(part.inline)}</s>;
    case "link":
      return (
        <a href={part.address} target="_blank" rel="noopener noreferrer">
          {inlines(part.inline)}
        </a>
      );
  }
}

import { expect, test } from "vitest";
import { type Block, blocksOf, type Inline, inlineOf } from "./markdown";

const words = (parts: readonly Inline[]): string =>
  parts
    .map((part) => {
      if ("text" in part) return part.kind === "text" ? part.text : `<code ${part.text}>`;
      return `<${part.kind}${part.kind === "link" ? ` ${part.address}` : ""} ${words(part.inline)}>`;
    })
    .join("");
const kinds = (text: string) => blocksOf(text).map((block) => block.kind);
const first = (text: string) => blocksOf(text)[0] as Block;

test("headings, paragraphs, quotes, rules, lists and code", () => {
  const text = "# One\nhello\nthere\n\n> quoted\n> on\n---\n- a\n- b\n1. c\n```\n# no heading\n```\nend";
  expect(kinds(text)).toEqual(["heading", "paragraph", "quote", "rule", "list", "code", "paragraph"]);
  expect(first("### Three ###")).toMatchObject({ level: 3, inline: [{ text: "Three" }] });
  expect(first("# C#")).toMatchObject({ level: 1, inline: [{ text: "C#" }] });
  expect(first("hello\nthere")).toMatchObject({ inline: [{ text: "hello\nthere" }] });
});

test("lists know depth, order and tasks", () => {
  expect(first("- [x] done\n- [ ] open\n  - below")).toMatchObject({
    ordered: false,
    items: [
      { depth: 0, done: true },
      { depth: 0, done: false },
      { depth: 1, done: null },
    ],
  });
  expect(first("1. one\n2. two")).toMatchObject({ kind: "list", ordered: true });
});

test("code without an end goes to the end, and nothing in it means anything", () => {
  expect(blocksOf("```py\n**x**")).toEqual([{ kind: "code", text: "**x**" }]);
});

test("emphasis, code and links within a line", () => {
  expect(words(inlineOf("a **b `c`** `e*f*` ~~g~~ _h_"))).toBe(
    "a <strong b <code c>> <code e*f*> <struck g> <emphasis h>",
  );
  expect(words(inlineOf("**strong** and *weak*"))).toBe("<strong strong> and <emphasis weak>");
  expect(words(inlineOf("[docs](https://example.org/a_b) x"))).toBe("<link https://example.org/a_b docs> x");
  expect(words(inlineOf("see https://example.org/x."))).toBe("see <link https://example.org/x https://example.org/x>.");
});

test("names of metrics and products of numbers stay what they are", () => {
  for (const text of ["train_loss and grad_norm_max", "2*3*4", "a * b * c", "layer.*/grad_norm", "__init__x"]) {
    expect(words(inlineOf(text)), text).toBe(text);
  }
});

test("only addresses of the web are links", () => {
  for (const address of ["javascript:alert(1)", "data:text/html,x", "//evil", "file:///etc/passwd", "JaVaScRiPt:x"]) {
    const text = `[click](${address})`;
    expect(
      inlineOf(text).every((part) => part.kind === "text"),
      address,
    ).toBe(true);
    expect(words(inlineOf(text))).toContain("click");
  }
});

test("whatever is written, all of it is read, and soon", () => {
  for (const text of ["*".repeat(3000), "[".repeat(3000), "_a".repeat(1500), "`".repeat(2999), "> ".repeat(1000)]) {
    expect(blocksOf(text).length).toBeGreaterThan(0);
  }
  // As long as the server takes notes.
  for (const text of [`# a${" ".repeat(65_000)}x`, `# ${"#".repeat(65_000)}x`, "`a` ".repeat(16_000)]) {
    expect(blocksOf(text).length).toBe(1);
  }
  expect(blocksOf("")).toEqual([]);
});

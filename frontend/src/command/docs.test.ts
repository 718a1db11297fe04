import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { Command } from "./command";
import { COMMANDS } from "./registry";

const page = readFileSync(path.resolve(import.meta.dirname, "../../../docs/terminal.md"), "utf8");

/** A function's row in `docs/terminal.md`. */
function rowOf({ name, also, usage, does, key }: Command): string {
  const escaped = (text: string) => text.replaceAll("|", "\\|");
  const names = [name, ...(also ?? [])].map((each) => `\`${each}\``).join(" ");
  const words = usage === undefined ? "" : `\`${escaped(usage)}\``;
  return `| ${names} | ${words} | ${escaped(does)} | ${key === undefined ? "" : `\`${key}\``} |`;
}

test.each(COMMANDS.map((command) => [command.name, rowOf(command)]))("the docs have %s as it is", (_, row) => {
  expect(page.split("\n")).toContain(row);
});

test("the docs name no function that there is not", () => {
  const [, part = ""] = page.split("<!-- functions -->");
  const [section = ""] = part.split("<!-- end of functions -->");
  const named = [...section.matchAll(/^\| `([A-Z0-9]+)`/gm)].map((found) => found[1]);
  expect(named).toEqual(COMMANDS.map((command) => command.name));
});

import { expect, test } from "vitest";
import { COMMANDS } from "./registry";

test("no two functions have a name in common", () => {
  const names = COMMANDS.flatMap((command) => [command.name, ...(command.also ?? [])]);
  expect(names.length).toBe(new Set(names).size);
});

test("names are words that can be typed, and there are at least thirty", () => {
  for (const { name } of COMMANDS) expect(name).toMatch(/^[A-Z0-9]{1,7}$/);
  expect(COMMANDS.length).toBeGreaterThanOrEqual(30);
});

test("no name is a run's number", () => {
  for (const command of COMMANDS)
    for (const name of [command.name, ...(command.also ?? [])]) expect(name).not.toMatch(/^R\d/);
});

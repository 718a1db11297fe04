import { expect, test } from "vitest";
import { anEvent } from "../fixtures";
import { queryIn, termIn, withTerm } from "./filter";

const run = { number: 3, name: "LM-base" };
const event = anEvent({
  source: "checkpoint",
  event: "checkpoint_saved",
  message: "ckpt_0001 saved",
  data: { size: 12 },
});
const fits = (text: string) => queryIn(text).test(event, run);

test.each([
  "",
  "SAVED",
  "ckpt saved",
  '"0001 saved"',
  "checkpoint_saved",
  "size",
  "lm-b",
  "source:ch",
  "run:r3",
  "run:base",
])("%s fits", (text) => expect(fits(text)).toBe(true));

test.each(["lost", '"saved ckpt"', "source:run", "run:R4", "run:other", "saved lost"])("%s does not fit", (text) =>
  expect(fits(text)).toBe(false),
);

test("of several sources one has to fit", () => {
  expect(fits("source:run source:checkpoint")).toBe(true);
});

test("levels and the selected run are asked of the server", () => {
  const query = queryIn("level:err level:warning run:this");
  expect(query).toMatchObject({ levels: ["warning", "error"], own: true, picks: false, message: null });
});

test("what can't be read is told, and the rest still holds", () => {
  const query = queryIn("level:loud source: saved");
  expect(query.message).toBe('No level "loud": debug, info, warning, error. source: what?');
  expect(query.test(event, run)).toBe(true);
  expect(query.test(anEvent(), run)).toBe(false);
});

test("one term takes the place of another, and the words stay", () => {
  expect(withTerm('level:info "out of" level:error', "level", "warning")).toBe('level:warning "out of"');
  expect(withTerm("level:info nan", "level", "")).toBe("nan");
  expect(withTerm("nan", "source", "run")).toBe("source:run nan");
  expect([termIn("nan source:run", "source"), termIn("nan", "source")]).toEqual(["run", ""]);
});

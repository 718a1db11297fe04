import { expect, test } from "vitest";
import { spansOf } from "./ansi";
import { piecesOf } from "./marks";
import { legible, styleOf } from "./paint";

const ESC = "\x1b[";
const looks = (text: string) => spansOf(text).map(({ text, look }) => [text, styleOf(look)]);

test("a line without colours is one stretch", () => {
  expect(looks("plain <b>text</b>")).toEqual([["plain <b>text</b>", {}]]);
  expect(spansOf("")).toEqual([]);
});

test("the sixteen colours of a terminal, and back to the usual one", () => {
  expect(looks(`${ESC}31mred${ESC}0m and ${ESC}92;1mgreen${ESC}39m bold`)).toEqual([
    ["red", { color: "var(--ansi-1)" }],
    [" and ", {}],
    ["green", { color: "var(--ansi-10)", fontWeight: 700 }],
    [" bold", { fontWeight: 700 }],
  ]);
});

test("256 colours and true colours; on either ground one of their hue that can be read there", () => {
  expect(looks(`${ESC}38;5;208morange`)[0]).toEqual(["orange", { color: "light-dark(#975000, #ff8700)" }]);
  expect(looks(`${ESC}38;5;3mochre`)[0]).toEqual(["ochre", { color: "var(--ansi-3)" }]);
  expect(looks(`${ESC}38;2;10;20;200mblue`)[0]?.[1]).toEqual({
    color: expect.stringMatching(/^light-dark\(#0a14c8, (?!#0a14c8)/),
  });
  expect(looks(`${ESC}38;5;250mgrey`)[0]).toEqual(["grey", { color: "light-dark(#646464, #bcbcbc)" }]);
  expect(legible("#ffd700")).toMatch(/^light-dark\((?!#ffd700)#\w{6}, #ffd700\)$/);
});

test("inverse, underline, struck, italic and dim, each with its end", () => {
  expect(looks(`${ESC}7minverse${ESC}27;4;3munder${ESC}24;23;9mstruck${ESC}29;2mdim${ESC}22mplain`)).toEqual([
    ["inverse", { backgroundColor: "var(--text-plain)", color: "var(--bg-secondary)" }],
    ["under", { fontStyle: "italic", textDecoration: "underline" }],
    ["struck", { textDecoration: "line-through" }],
    ["dim", { color: "var(--text-dim)" }],
    ["plain", {}],
  ]);
});

test("on a ground of its own text is black or white, whichever can be read", () => {
  expect(looks(`${ESC}43mon ochre`)[0]?.[1]).toEqual({ backgroundColor: "var(--ansi-3)", color: "var(--ansi-ink)" });
  expect(looks(`${ESC}48;2;0;0;90mon blue`)[0]?.[1]).toEqual({ backgroundColor: "#00005a", color: "#ffffff" });
});

test("codes that mean nothing are left out", () => {
  expect(looks(`${ESC}99;38;2;1;2m${ESC}38;9;1;mtext`).map(([text]) => text)).toEqual(["text"]);
  expect(looks(`${ESC}mtext`)).toEqual([["text", {}]]);
});

test("what was searched is marked in any case, across colours, as often as it is there", () => {
  const pieces = piecesOf(spansOf(`Loss lo${ESC}31mss${ESC}0m glossy`), "LOSS");
  expect(pieces.map(({ text, hit }) => (hit ? `[${text}]` : text)).join("")).toBe("[Loss] [lo][ss] g[loss]y");
  expect(piecesOf(spansOf("a.b"), ".").filter(({ hit }) => hit)).toHaveLength(1);
  expect(piecesOf(spansOf("text"), "").map(({ hit }) => hit)).toEqual([false]);
});

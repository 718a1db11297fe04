import type { Look, Span } from "./ansi";

/** A stretch of a line, and whether it is what was searched. */
export interface Piece {
  text: string;
  look: Look;
  hit: boolean;
}

/** The stretches of a line, cut where what was searched begins and ends, in any case and across colours. */
export function piecesOf(spans: readonly Span[], wanted: string): Piece[] {
  if (wanted === "") return spans.map((span) => ({ ...span, hit: false }));
  const text = spans.map((span) => span.text).join("");
  const hits = hitsIn(text, wanted);
  const pieces: Piece[] = [];
  let start = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    for (const [from, to, hit] of cuts(hits, start, end)) {
      pieces.push({ text: text.slice(from, to), look: span.look, hit });
    }
    start = end;
  }
  return pieces;
}

function hitsIn(text: string, wanted: string): [number, number][] {
  const [all, part] = [text.toLowerCase(), wanted.toLowerCase()];
  // A few letters are longer in lower case: then the places would not fit.
  if (all.length !== text.length) return [];
  const hits: [number, number][] = [];
  for (let at = all.indexOf(part); at >= 0; at = all.indexOf(part, at + part.length)) hits.push([at, at + part.length]);
  return hits;
}

function* cuts(
  hits: readonly [number, number][],
  start: number,
  end: number,
): Generator<[from: number, to: number, hit: boolean]> {
  let at = start;
  for (const [from, to] of hits) {
    if (to <= at || from >= end) continue;
    if (from > at) yield [at, from, false];
    const stop = Math.min(to, end);
    yield [Math.max(at, from), stop, true];
    at = stop;
  }
  if (at < end) yield [at, end, false];
}

import { apart } from "../live/apart";

/** So many read-outs are drawn in a frame; with that few a frame is done in time. */
const A_FRAME = 6;

const waiting = new Set<() => void>();

/** Call back in one of the next frames, a few at a time; who waits already does not wait twice. */
export function soon(callback: () => void, frames = requestAnimationFrame): void {
  waiting.add(callback);
  if (waiting.size === 1) frames(() => turn(frames));
}

function turn(frames: typeof requestAnimationFrame): void {
  for (const callback of [...waiting].slice(0, A_FRAME)) {
    waiting.delete(callback);
    apart(callback);
  }
  if (waiting.size > 0) frames(() => turn(frames));
}

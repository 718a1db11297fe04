import { apart } from "./apart";

export interface Drawable {
  /** Whether it can be seen; what can't is drawn when it comes into view. */
  visible(): boolean;
  draw(): void;
}

export interface Frames {
  request(callback: () => void): void;
  later(callback: () => void, milliseconds: number): void;
  now(): number;
  hidden(): boolean;
  /** When the pointer moved last, in the time of `now`. */
  moved(): number;
}

let moved = Number.NEGATIVE_INFINITY;
const noteMove = () => {
  moved = performance.now();
};
globalThis.addEventListener?.("pointermove", noteMove, { capture: true, passive: true });

const browser: Frames = {
  request: (callback) => requestAnimationFrame(callback),
  later: (callback, milliseconds) => setTimeout(callback, milliseconds),
  now: () => performance.now(),
  hidden: () => document.hidden,
  moved: () => moved,
};

/** A frame draws until this is spent, so that a key or a click never waits long. */
const FRAME_MS = 12;
/** The same while the pointer moves: what follows it takes most of each frame. */
const MOVING_FRAME_MS = 4;
const MOVING_MS = 150;
/** What takes long to draw waits this many times as long for more to draw at once; at most `MOST_WAIT_MS`. */
const GATHER = 2;
const MOST_WAIT_MS = 60;
/** A wait shorter than this is none. */
const LEAST_WAIT_MS = 4;

/**
 * Draws what changed: as much in a frame as its time allows, none while the tab is hidden. The points of many runs
 * arrive within some hundredths of a second: where drawing them takes as long, they are awaited, so that each chart is
 * drawn once.
 */
export class Scheduler {
  private readonly dirty = new Set<Drawable>();
  private requested = false;
  private held = false;
  /** How long it took to draw all that was dirty, in milliseconds. */
  private cost = 0;
  private spent = 0;

  constructor(private readonly frames: Frames = browser) {}

  /** Have it drawn in one of the next frames. */
  mark(drawable: Drawable): void {
    this.dirty.add(drawable);
    const wait = Math.min(MOST_WAIT_MS, GATHER * this.cost);
    if (wait < LEAST_WAIT_MS || this.spent > 0) this.wake();
    else if (this.mayDraw()) {
      this.requested = true;
      this.frames.later(() => this.goOn(), wait);
    }
  }

  forget(drawable: Drawable): void {
    this.dirty.delete(drawable);
  }

  /** Draw nothing until let go. */
  hold(held: boolean): void {
    this.held = held;
    this.wake();
  }

  /** Go on: the tab is shown again, or a chart came into view. */
  wake(): void {
    if (this.mayDraw()) this.request();
  }

  private mayDraw(): boolean {
    return !this.requested && !this.held && !this.frames.hidden() && this.hasVisible();
  }

  private goOn(): void {
    this.requested = false;
    this.wake();
  }

  private request(): void {
    this.requested = true;
    this.frames.request(() => this.frame());
  }

  private hasVisible(): boolean {
    for (const drawable of this.dirty) if (drawable.visible()) return true;
    return false;
  }

  private frame(): void {
    if (this.held || this.frames.hidden()) {
      this.requested = false;
      return;
    }
    const began = this.frames.now();
    const most = began - this.frames.moved() < MOVING_MS ? MOVING_FRAME_MS : FRAME_MS;
    // Only what is dirty now: what becomes dirty while drawing goes to the end of the queue, so that none starves.
    for (const drawable of [...this.dirty].filter((each) => each.visible())) {
      this.dirty.delete(drawable);
      apart(() => drawable.draw());
      if (this.frames.now() - began >= most) break;
    }
    this.spent += this.frames.now() - began;
    this.requested = false;
    if (this.hasVisible()) this.request();
    else [this.cost, this.spent] = [this.spent, 0];
  }
}

export interface Drawable {
  /** Whether it can be seen; what can't is drawn when it comes into view. */
  visible(): boolean;
  draw(): void;
}

export interface Frames {
  request(callback: () => void): number;
  hidden(): boolean;
}

const browser: Frames = {
  request: (callback) => requestAnimationFrame(callback),
  hidden: () => document.hidden,
};

/** Draws what changed: at most three charts a frame, none while the tab is hidden. */
export class Scheduler {
  private readonly dirty = new Set<Drawable>();
  private requested = false;
  private held = false;

  constructor(
    private readonly frames: Frames = browser,
    private readonly perFrame = 3,
  ) {}

  /** Have it drawn in one of the next frames. */
  mark(drawable: Drawable): void {
    this.dirty.add(drawable);
    this.wake();
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
    if (this.requested || this.held || this.frames.hidden() || !this.hasVisible()) return;
    this.requested = true;
    this.frames.request(() => this.frame());
  }

  private hasVisible(): boolean {
    for (const drawable of this.dirty) if (drawable.visible()) return true;
    return false;
  }

  private frame(): void {
    this.requested = false;
    if (this.held || this.frames.hidden()) return;
    const now = [...this.dirty].filter((drawable) => drawable.visible()).slice(0, this.perFrame);
    for (const drawable of now) {
      // Taken out first: what becomes dirty while drawing goes to the end of the queue, so that none starves.
      this.dirty.delete(drawable);
      drawable.draw();
    }
    this.wake();
  }
}

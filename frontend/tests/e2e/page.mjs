// A Chromium that a benchmark drives line by line (tests/bench/page.py):
//   node tests/e2e/page.mjs
// reads an order a line, {"do": "open", …}, and answers each with a line: {"told": …} or {"error": "…"}.
// Each "open" is a browser of its own, with a profile that has never seen the page.
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { chromium } from "@playwright/test";

const PATIENCE_MS = 60_000;
const MOVE_MS = 8;

let browser;
let page;
let cdp;
let scripts;
let errors;

const ORDERS = {
  /** Go to an address with a processor so many times slower; with `watch` note what the page shows, see `watchFrames`. */
  async open({ url, slowdown = 1, watch = null }) {
    await ORDERS.close();
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    });
    page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
    page.setDefaultTimeout(PATIENCE_MS);
    scripts = [];
    errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("response", (answer) => {
      if (answer.request().resourceType() === "script") scripts.push(answer);
    });
    cdp = await page.context().newCDPSession(page);
    await cdp.send("Performance.enable");
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
    await page.addInitScript(watchTroubles);
    if (watch === "frames") await page.addInitScript(watchFrames);
    if (watch === "start") await page.addInitScript(watchStart);
    await page.goto(url, { waitUntil: "commit" });
    return browser.version();
  },

  async close() {
    await browser?.close();
    browser = undefined;
  },

  /** The value of an expression in the page. */
  async evaluate({ expression }) {
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  },

  /** What went wrong in the page's own code. */
  async errors() {
    return errors;
  },

  /** Seconds of the main thread so far, and the time. */
  async counters() {
    const { metrics } = await cdp.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  },

  /** What is in use after everything else was thrown away. */
  async heap() {
    for (let time = 0; time < 3; time++) await cdp.send("HeapProfiler.collectGarbage");
    const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
    return { ...(await cdp.send("Runtime.getHeapUsage")), nodes, jsEventListeners };
  },

  async press({ key }) {
    await page.keyboard.press(key);
  },

  /** Frames of the page while the mouse goes to and fro over an element, as fast as the page takes the moves. */
  async hover({ selector, at = 0, seconds }) {
    const element = page.locator(selector).nth(at);
    const box = await element.boundingBox();
    await page.evaluate(countFrames);
    const moves = await moveOver(box, seconds);
    return { moves, frames: await page.evaluate(() => window.counted_) };
  },

  /** The same over an empty page, which has nothing to do. */
  async control({ seconds }) {
    const measured = page;
    page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
    try {
      await page.bringToFront();
      await page.evaluate(countFrames);
      const moves = await moveOver({ x: 400, y: 400, width: 400, height: 300 }, seconds);
      return { moves, frames: await page.evaluate(() => window.counted_) };
    } finally {
      await page.close();
      page = measured;
      await page.bringToFront();
    }
  },

  /** Wait until the page of `watchStart` can be used, and press `j` at once. */
  async started() {
    await page.waitForFunction(() => window.start_.ready !== undefined);
    const loaded = [...scripts];
    await page.keyboard.press("j");
    await page.waitForFunction(() => window.start_.answered !== undefined);
    const bodies = await Promise.all(loaded.map((answer) => answer.body()));
    const gzip = bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0);
    return { ...(await page.evaluate(() => window.start_)), scripts: loaded.length, gzip };
  },
};

async function moveOver({ x, y, width, height }, seconds) {
  const began = Date.now();
  let moves = 0;
  for (let now = began; now < began + seconds * 1000; now = Date.now()) {
    const turn = ((now - began) / 1000) * Math.PI;
    await page.mouse.move(x + (0.5 + 0.4 * Math.sin(turn)) * width, y + (0.5 + 0.3 * Math.cos(3 * turn)) * height);
    moves += 1;
    await new Promise((resolve) => setTimeout(resolve, MOVE_MS));
  }
  return moves;
}

/** Runs in the page: the times of its frames from now on. */
function countFrames() {
  const frames = [];
  window.counted_ = frames;
  const count = (now) => {
    if (window.counted_ !== frames) return;
    frames.push(now);
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
}

/** Runs in the page: long tasks and layout shifts, [milliseconds since the start, how long or how far]. */
function watchTroubles() {
  window.troubles_ = { long: [], shifts: [], firstPaint: null };
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  watch("longtask", ({ startTime, duration }) => window.troubles_.long.push([startTime, duration]));
  watch("layout-shift", ({ startTime, value }) => window.troubles_.shifts.push([startTime, value]));
  watch("paint", ({ name, startTime }) => {
    if (name === "first-contentful-paint") window.troubles_.firstPaint = startTime;
  });
}

/** Runs in the page: which step of each run the first chart shows, and since when: [run, step, milliseconds since 1970]. */
function watchFrames() {
  window.frames_ = [];
  const shown = new Map();
  let last = "";
  const look = () => {
    const points = document.querySelector(".metrics-chart")?.getAttribute("data-points") ?? "";
    if (points !== last) {
      last = points;
      // The attribute is set with the drawing; seen one frame later, that drawing is on the screen.
      for (const { run, lastStep } of JSON.parse(points || "[]")) {
        if (shown.get(run) !== lastStep) window.frames_.push([run, lastStep, Date.now()]);
        shown.set(run, lastStep);
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/**
 * Runs in the page: when it can be used. `ready`: the run list shows rows and the first chart has points, in
 * milliseconds since the navigation began. `answered`: how long a `j` took to move on in the list, from the
 * keyboard to the frame after.
 */
function watchStart() {
  window.start_ = {};
  const row = () => document.activeElement?.closest?.("[data-run-id]") ?? null;
  const look = () => {
    const first = document.querySelector("[role=row][data-run-id][tabindex='0']");
    const points = document.querySelector(".metrics-chart")?.getAttribute("data-points") ?? "[]";
    if (first === null || points === "[]") return requestAnimationFrame(look);
    first.focus();
    window.start_.points = JSON.parse(points);
    window.start_.ready = performance.now();
  };
  requestAnimationFrame(look);
  const pressed = (event) => {
    if (event.key !== "j" || window.start_.ready === undefined) return;
    const before = row();
    const wait = () => {
      if (row() === before) return requestAnimationFrame(wait);
      requestAnimationFrame(() => {
        window.start_.answered = performance.now() - event.timeStamp;
      });
    };
    wait();
  };
  window.addEventListener("keydown", pressed, { capture: true });
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    console.log(JSON.stringify({ told: (await ORDERS[order.do](order)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
}
await ORDERS.close();

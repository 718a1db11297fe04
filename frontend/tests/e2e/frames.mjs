// Opens the page in Chromium and tells when each step was on the screen:
//   node tests/e2e/frames.mjs URL SECONDS
// prints "ready", then one line of JSON: [[step, milliseconds since 1970], …].
import { chromium } from "@playwright/test";

const [url, seconds] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
await page.addInitScript(() => {
  window.frames_ = [];
  let last = "";
  const look = () => {
    const points = document.querySelector(".metrics-chart")?.getAttribute("data-points") ?? "";
    if (points !== last) {
      last = points;
      const steps = JSON.parse(points || "[]").map((line) => line.lastStep ?? -1);
      // The attribute is set with the drawing; seen one frame later, that drawing is on the screen.
      window.frames_.push([Math.max(-1, ...steps), Date.now()]);
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
await page.goto(url);
await page.waitForLoadState("networkidle");
console.log("ready");
await page.waitForTimeout(Number(seconds) * 1000);
console.log(JSON.stringify(await page.evaluate(() => window.frames_)));
await browser.close();

import { expect, type Locator, type Page, test } from "@playwright/test";
import { type Server, startMockTraining, startServer, type Training } from "./support";

// Panels that move, are saved, and come back: with a live run in the charts.

let server: Server;
let run: Training;

test.beforeAll(async () => {
  server = await startServer();
  run = await startMockTraining(server, { steps: 100_000, pauseSeconds: 0.02 });
});

test.afterAll(async () => {
  await run.interrupt();
  await server.stop();
});

test.beforeEach(async ({ page }) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.goto(server.link);
  await expect(page.locator("#panel-loss .u-wrap > canvas")).toBeVisible();
});

/** The panels that can be seen, in reading order. */
function panels(page: Page): Promise<string[]> {
  return page
    .locator("[data-panel]:visible")
    .evaluateAll((found) => found.map((each) => each.id.replace("panel-", "")));
}

async function middle(locator: Locator): Promise<{ x: number; y: number }> {
  const box = await locator.boundingBox();
  if (box === null) throw new Error("It is not on the screen.");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Remember the canvas of the loss plot; the answer tells whether it is still the one that is drawn. */
async function watchCanvas(page: Page): Promise<() => Promise<boolean>> {
  const canvas = await page.locator("#panel-loss .u-wrap > canvas").elementHandle();
  return () => canvas?.evaluate((element) => element.isConnected) ?? Promise.resolve(false);
}

test("without a mouse: moved, saved, reset, and back by its number and by its link", async ({ page, browser }) => {
  const same = await watchCanvas(page);
  await page.keyboard.press("F4");
  await page.getByRole("button", { name: /LOSS PLOT: move/ }).focus();
  for (const key of ["Enter", "ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  const moved = ["loss", "system", "events", "runs", "rate", "config", "checkpoints", "actions"];
  expect(await panels(page)).toEqual(moved);
  expect(await same()).toBe(true);
  await page.keyboard.press("l");
  await page.getByRole("textbox", { name: "Save what is shown as" }).fill("night/shift <b>");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/layout=night/);
  const link = page.url();
  await page.keyboard.press("l");
  await page.keyboard.press("0");
  await expect.poll(() => panels(page)).toEqual(["runs", "system", "events", "loss", ...moved.slice(4)]);
  await page.keyboard.press("l");
  await expect(page.getByRole("button", { name: /night.shift/ }).first()).toBeVisible();
  await page.keyboard.press("1");
  await expect.poll(() => panels(page)).toEqual(moved);
  expect(await same()).toBe(true);
  const second = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
  await second.goto(link);
  await expect.poll(() => panels(second)).toEqual(moved);
  await second.close();
});

test("a heading is dragged beside another panel and into its place, and a reload keeps it", async ({ page }) => {
  const same = await watchCanvas(page);
  await drag(page, page.locator("#panel-loss h2"), await below(page.locator("#panel-events")));
  expect(await panels(page)).toEqual(["runs", "system", "events", "loss", "rate", "config", "checkpoints", "actions"]);
  const [events, loss] = [await middle(page.locator("#panel-events")), await middle(page.locator("#panel-loss"))];
  expect(Math.abs(events.x - loss.x)).toBeLessThan(2);
  expect(loss.y).toBeGreaterThan(events.y);
  await drag(page, page.locator("#panel-config h2"), await middle(page.locator("#panel-system")));
  await expect(page.getByRole("tab")).toHaveText(["SYSTEM STATUS", "RUN CONFIG"]);
  expect(await panels(page)).not.toContain("system");
  expect(await same()).toBe(true);
  await page.reload();
  await expect(page.getByRole("tab")).toHaveText(["SYSTEM STATUS", "RUN CONFIG"]);
});

test("the line between two panels is dragged and moved by keys", async ({ page }) => {
  const width = async () => (await page.locator("#panel-runs").boundingBox())?.width ?? 0;
  const before = await width();
  const line = page.getByRole("separator", { name: "Between RUN LIST and SYSTEM STATUS" });
  const { x, y } = await middle(line);
  await drag(page, line, { x: x + 200, y });
  expect(Math.round((await width()) - before)).toBe(200);
  await line.focus();
  await page.keyboard.press("Enter");
  expect(Math.abs((await width()) - before)).toBeLessThan(2);
});

test("a panel in its own window stays live and comes back when that is closed", async ({ page, context }) => {
  const [window] = await Promise.all([context.waitForEvent("page"), popOut(page)]);
  await expect(page.locator("#panel-loss")).toHaveCount(0);
  const chart = window.locator(".metrics-chart").first();
  const before = await chart.getAttribute("data-points");
  await expect(chart).not.toHaveAttribute("data-points", before ?? "");
  await window.setViewportSize({ width: 900, height: 500 });
  await expect
    .poll(() => chart.evaluate((element) => element.querySelector(".u-wrap > canvas")?.clientWidth))
    .toBeGreaterThan(800);
  await window.close();
  await expect(page.locator("#panel-loss .u-wrap > canvas")).toBeVisible();
  expect((await panels(page)).indexOf("loss")).toBe(3);
});

test("a file that is no layout is refused with what is wrong in it", async ({ page }) => {
  await page.keyboard.press("l");
  const text = JSON.stringify({ version: 1, tree: { panels: ["<img src=x>"], active: "x" } });
  const file = { name: "layout.json", mimeType: "application/json", buffer: Buffer.from(text) };
  await page.getByLabel("Layout file").setInputFiles(file);
  await expect(page.getByRole("alert")).toHaveText('tree.panels[0]: There is no panel "<img src=x>".');
  expect(await panels(page)).toHaveLength(8);
});

test("on a phone one panel is on the screen, and the bar at the thumb changes it", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const nav = page.getByRole("navigation", { name: "Panels" });
  await expect(nav.locator("[aria-current]")).toHaveText("RUNS");
  await nav.getByRole("button", { name: "LOSS" }).click();
  await expect(page.locator("#panel-loss")).toBeInViewport({ ratio: 0.99 });
  await expect(page.locator("#panel-runs")).not.toBeInViewport();
  await page.locator("main > div > div").evaluate((box) => box.scrollTo({ left: 0 }));
  await expect(nav.locator("[aria-current]")).toHaveText("RUNS");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  const sizes = await nav.getByRole("button").evaluateAll((all) => all.map((each) => each.getBoundingClientRect()));
  for (const { width, height } of sizes) expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
});

async function popOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: /LOSS PLOT: move/ }).click();
  await page.getByRole("menuitem", { name: "Pop out" }).click();
}

async function below(locator: Locator): Promise<{ x: number; y: number }> {
  const box = await locator.boundingBox();
  if (box === null) throw new Error("It is not on the screen.");
  return { x: box.x + box.width / 2, y: box.y + box.height - 12 };
}

async function drag(page: Page, from: Locator, to: { x: number; y: number }): Promise<void> {
  const { x, y } = await middle(from);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move((x + to.x) / 2, (y + to.y) / 2, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
}

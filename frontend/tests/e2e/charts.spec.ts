import { readFile } from "node:fs/promises";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { type Server, startMockTraining, startScript, startServer, type Training } from "./support";

// The charts of a real run: 5,000 points of two metrics that are known, beside one that goes on.

const POINTS = 5000;
const SPIKE = 2345;

const KNOWN = `
from stepwire import TrainingMonitor

with TrainingMonitor("known", config={"lr": 0.1}) as monitor:
    print("RUN", monitor.run_id, flush=True)
    for step in range(${POINTS}):
        loss = 500.0 if step == ${SPIKE} else 1 + step % 2
        monitor.log_metrics({"loss": loss, "lr": 0.1, "grad_norm": 2.0, "epoch": step / 1000}, step=step)
        if step == ${SPIKE}:
            monitor.mark_best_checkpoint(monitor.save_checkpoint("spike.pt"))
`;

/** Goes up to step 299, and again from step 200 on. */
const RESUMED = `
import tempfile
from stepwire import TrainingMonitor

folder = tempfile.mkdtemp()
with TrainingMonitor.resume_or_create("resumed", folder) as monitor:
    for step in range(300):
        monitor.log_metrics({"loss": 9.0}, step=step)
    monitor.set_status("interrupted")
with TrainingMonitor.resume_or_create("resumed", folder, step=200) as monitor:
    print("RUN", monitor.run_id, flush=True)
    for step in range(200, 400):
        monitor.log_metrics({"loss": 1.0 if step != 350 else float("nan")}, step=step)
`;

let server: Server;
let known: Training;
let live: Training;

test.beforeAll(async () => {
  server = await startServer();
  known = await startScript(server, KNOWN);
  await known.ended;
  live = await startMockTraining(server, { steps: 1_000_000, pauseSeconds: 0.05 });
});

test.afterAll(async () => {
  await live.interrupt();
  await server.stop();
});

const loss = (page: Page): Locator => page.locator("#panel-loss .metrics-chart").first();
const rate = (page: Page): Locator => page.locator("#panel-rate .metrics-chart").first();
const badge = (chart: Locator): Locator => chart.locator(".chart-badge");
const readout = (chart: Locator): Locator => chart.locator(".chart-readout");

async function open(page: Page, query = "", run = known): Promise<void> {
  await page.goto(`${server.url}/#/runs/${run.id}?cmp=${query === "" ? "" : `&${query}`}`);
  await expect(loss(page)).toHaveAttribute("data-points", /\{/);
}

/** What the address says of a part of the view. */
function told(page: Page, name: string): string | null {
  return new URLSearchParams(new URL(page.url()).hash.split("?")[1] ?? "").get(name);
}

async function zoomTold(page: Page): Promise<number[] | null> {
  return told(page, "zoom")?.split(",").map(Number) ?? null;
}

async function drag(page: Page, chart: Locator, from: number, to: number): Promise<void> {
  const box = await chart.locator(".u-over").boundingBox();
  if (box === null) throw new Error("The chart has no place.");
  await page.mouse.move(box.x + box.width * from, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
}

test("a dragged stretch is read at its own grain, on all charts, and the badge tells what is drawn", async ({
  page,
}) => {
  await open(page);
  await expect(badge(loss(page))).toHaveText(/^[\d,]+ of 5,000 points, extrema kept$/);
  const asked = page.waitForRequest((request) => /api\/series.*from=/.test(request.url()));
  await drag(page, loss(page), 0.4, 0.44);
  await asked;
  const [low = 0, high = 0] = (await zoomTold(page)) ?? [];
  expect(low).toBeGreaterThan(1900);
  expect(high).toBeLessThan(2300);
  const within = Math.floor(high) - Math.ceil(low) + 1;
  await expect(badge(loss(page))).toHaveText(`all ${within} points`);
  await expect(badge(rate(page))).toHaveText(`all ${within} points`);
  await loss(page).locator(".u-over").dblclick();
  await expect(badge(loss(page))).toHaveText(/of 5,000 points, extrema kept$/);
  expect(await zoomTold(page)).toBeNull();
});

test("a zoomed chart keeps its place while points come, counts them, and goes back", async ({ page }) => {
  await open(page, "", live);
  await expect
    .poll(async () => JSON.parse((await loss(page).getAttribute("data-points")) ?? "[]")[0]?.n)
    .toBeGreaterThan(60);
  await drag(page, loss(page), 0.2, 0.6);
  const zoom = await zoomTold(page);
  const button = loss(page).locator(".chart-live");
  await expect(button).toHaveText(/^LIVE \+\d+$/);
  const before = await badge(loss(page)).textContent();
  const counted = await button.textContent();
  await expect(button).not.toHaveText(counted ?? "");
  expect(await badge(loss(page)).textContent()).toBe(before);
  expect(await zoomTold(page)).toEqual(zoom);
  await button.click();
  await expect(button).toBeHidden();
});

test("keys walk, move and zoom the chart that has the focus", async ({ page }) => {
  await open(page, "zoom=1000,1100");
  await loss(page).focus();
  await page.keyboard.press("End");
  await expect(readout(loss(page))).toContainText("STEP 1,100");
  await page.keyboard.press("ArrowLeft");
  await expect(readout(loss(page))).toContainText("STEP 1,099");
  await expect(readout(loss(page))).toContainText("2.0000");
  await expect.poll(() => told(page, "at")).toBe("1099");
  await expect(readout(rate(page))).toContainText("STEP 1,099");
  await expect(loss(page).getByRole("status")).toContainText("Step 1,099, known 2.0000");
  await page.keyboard.press("Shift+ArrowRight");
  await expect.poll(() => zoomTold(page)).toEqual([1025, 1125]);
  await page.keyboard.press("+");
  await expect.poll(async () => (await zoomTold(page))?.map(Math.round)).toEqual([1062, 1112]);
  await page.keyboard.press("Escape");
  await expect.poll(() => zoomTold(page)).toBeNull();
  await page.keyboard.press("Escape");
  await expect.poll(() => told(page, "at")).toBeNull();
});

test("a click puts the crosshair on a step, on all charts, and the same click takes it away", async ({ page }) => {
  await open(page, "zoom=1000,1010");
  const over = loss(page).locator(".u-over");
  const box = await over.boundingBox();
  const place = { x: (box?.width ?? 0) * 0.5, y: 20 };
  await over.click({ position: place });
  await expect.poll(() => told(page, "at")).toBe("1005");
  await page.mouse.move(0, 0);
  await expect(readout(rate(page))).toContainText("STEP 1,005");
  await over.click({ position: place });
  await expect.poll(() => told(page, "at")).toBeNull();
});

test("the pointer over one chart moves the crosshair of the others", async ({ page }) => {
  await open(page, "zoom=1000,1010");
  const over = loss(page).locator(".u-over");
  const box = await over.boundingBox();
  await over.hover({ position: { x: (box?.width ?? 0) * 0.3, y: 20 } });
  await expect(readout(loss(page))).toContainText("STEP 1,003");
  await expect(readout(rate(page))).toContainText("STEP 1,003");
});

test("smoothing is the average freed of its bias, beside the raw value", async ({ page }) => {
  await open(page, "zoom=0,4&ema=0.5");
  await loss(page).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  // By hand, of 1 and 2: (0.5 · 0.5 · 1 + 0.5 · 2) / (1 − 0.5²).
  await expect(readout(loss(page))).toContainText("2.0000");
  await expect(readout(loss(page))).toContainText((1.25 / 0.75).toFixed(4));
});

test("x counts steps, time since the start, the time of day, or another metric", async ({ page }) => {
  await open(page, "at=1000");
  await expect(readout(loss(page))).toContainText("STEP 1,000");
  await open(page, "at=1000&x=relative");
  await expect(readout(loss(page))).toContainText(/^\+[\d.]+s · STEP 1,000/);
  await open(page, "at=1000&x=wall");
  await expect(readout(loss(page))).toContainText(/^\d\d:\d\d:\d\d · STEP 1,000/);
  await open(page, "at=1000&x=m%3Aepoch");
  await expect(readout(loss(page))).toContainText(/^1\.00\d\d · STEP 1,000/);
  await expect(loss(page)).toHaveAttribute("data-points", /"n":5000,"lastStep":4999/);
});

test("what happened at a step is marked there, and told under the pointer", async ({ page }) => {
  await open(page, `at=${SPIKE}`);
  await expect(readout(loss(page))).toContainText("★ best, checkpoint 1");
});

test("the value under a crosshair that somebody put is that of the step, however coarse the chart is", async ({
  page,
}) => {
  await open(page, `at=${SPIKE}`);
  await expect(badge(loss(page))).toHaveText(/of 5,000 points, extrema kept$/);
  await expect(readout(loss(page))).toContainText("500.00");
  await expect(readout(loss(page))).toContainText(`STEP ${SPIKE.toLocaleString("en-US")}`);
});

test("what a resumed run left behind is read for a ghost, and counted nowhere", async ({ page }) => {
  const resumed = await startScript(server, RESUMED);
  await resumed.ended;
  const answer = page.waitForResponse((response) => /superseded=true/.test(response.url()));
  await open(page, "zoom=340,360&at=349", resumed);
  const [left] = (await (await answer).json()).series;
  expect([left.key, Math.max(...left.max)]).toEqual(["loss", 9]);
  await expect(badge(loss(page))).toHaveText("all 20 points");
  await expect(readout(loss(page))).toHaveText("STEP 349resumed1.0000");
  await loss(page).focus();
  await page.keyboard.press("ArrowRight");
  await expect(readout(loss(page))).toHaveText("STEP 350resumedNaN");
});

test("a logarithmic axis is chosen by the values, or by somebody", async ({ page }) => {
  await open(page);
  const button = page.locator("#panel-loss").getByRole("button", { name: "LOG Y" });
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  expect(told(page, "log")).toBe("0");
});

test("what is shown is saved as a table, as vectors and as a picture", async ({ page }) => {
  await open(page, "zoom=10,12");
  await loss(page).focus();
  const table = await saved(page, "CSV");
  expect(table.toString().split("\r\n").slice(0, 2)).toEqual([
    'step,"known loss mean","known loss min","known loss max"',
    "10,1,1,1",
  ]);
  const vectors = (await saved(page, "SVG")).toString();
  expect(vectors).toContain("<svg");
  expect(vectors).toContain("known");
  expect((await saved(page, "PNG")).subarray(1, 4).toString()).toBe("PNG");
});

/** Type a command and wait for the file that it saves. */
async function saved(page: Page, command: string): Promise<Buffer> {
  await page.keyboard.press("F4");
  await page.keyboard.press("/");
  await expect(page.getByRole("combobox").first()).toBeFocused();
  await page.keyboard.type(command);
  const download = page.waitForEvent("download");
  await page.keyboard.press("Enter");
  return readFile(await (await download).path());
}

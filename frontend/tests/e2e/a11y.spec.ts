import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { type Server, startMockTraining, startScript, startServer, type Training } from "./support";

const SIZES = [
  { width: 1920, height: 1080 },
  { width: 1366, height: 768 },
  { width: 390, height: 844 },
];

for (const size of SIZES) {
  test(`axe-core finds nothing at ${size.width}x${size.height}, empty and with a live run`, async ({ page }) => {
    const server = await startServer();
    await page.setViewportSize(size);
    await page.goto(server.link);
    await expect(page.getByText(/pip install/).first()).toBeVisible();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    const run = await startMockTraining(server);
    // On a phone the charts are a swipe away.
    const loss = page.getByRole("navigation", { name: "Panels" }).getByRole("button", { name: "LOSS" });
    if (size.width < 760) await loss.click();
    await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await run.interrupt();
    await server.stop();
  });
}

test("axe-core finds nothing in tabs, in a panel's menu and in the sheet of layouts", async ({ page }) => {
  const server = await startServer();
  await page.request.post(`${server.url}/api/runs`, { data: { name: "a" } });
  await page.request.put(`${server.url}/api/layouts/night`, { data: { layout: {} } });
  await page.goto(server.link);
  await page.getByRole("button", { name: /LOSS PLOT: move/ }).click();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.getByRole("menuitem", { name: "Join as a tab" }).click();
  await expect(page.getByRole("tab")).toHaveCount(2);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.keyboard.press("l");
  await expect(page.getByRole("button", { name: "Delete layout night" })).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await server.stop();
});

/** Prints in all ways, and its host is known at its steps. */
const PRINTING = `
import sys, time
from stepwire import TrainingMonitor

with TrainingMonitor("printing", {"lr": 0.1}, system_metrics_interval=0.2) as monitor:
    print("RUN", monitor.run_id, flush=True)
    for step in range(20):
        monitor.log_metrics({"loss": 1 / (step + 1)}, step=step)
        time.sleep(0.1)
    for colour in range(30, 38):
        print(f"\\x1b[{colour}mcolour\\x1b[0m \\x1b[{colour + 60}mbright\\x1b[0m", flush=True)
    print("\\x1b[38;5;226myellow\\x1b[0m \\x1b[38;5;17mblue\\x1b[0m \\x1b[43mon ochre\\x1b[0m \\x1b[100mon grey\\x1b[0m", flush=True)
    print("WARNING: shard 17 is read again", flush=True)
    print("ERROR: shard 17 could not be read", file=sys.stderr, flush=True)
    monitor.save_checkpoint("gone.pt")
`;

test.describe("axe-core finds nothing", () => {
  let server: Server;
  let run: Training;

  test.beforeAll(async () => {
    server = await startServer();
    run = await startScript(server, PRINTING, { STEPWIRE_DIR: path.join(server.data, "spool") });
    await run.ended;
  });

  test.afterAll(() => server.stop());

  for (const look of [
    "{}",
    '{"theme":"LIGHT"}',
    '{"palette":"SAFE","rows":"28"}',
    '{"theme":"LIGHT","palette":"SAFE"}',
  ]) {
    test(`at a crosshair and in the console, with ${look}`, async ({ page }) => {
      await prefer(page, look);
      await page.goto(`${server.url}/#/runs/${run.id}?at=15`);
      await expect(page.locator("#panel-system")).toContainText("AT STEP 15");
      await expectNothing(page);
      await page.goto(`${server.url}/#/runs/${run.id}?max=console-1`);
      await expect(page.locator("[data-line]").last()).toContainText("shard 17");
      await expectNothing(page);
    });
  }

  test("in the command line and in the help of the light theme", async ({ page }) => {
    await prefer(page, '{"theme":"LIGHT"}');
    await page.goto(`${server.url}/#/runs/${run.id}`);
    await page.keyboard.press("/");
    await page.keyboard.type("lo");
    await expect(page.getByRole("option").first()).toBeVisible();
    await expectNothing(page);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
    await expectNothing(page);
  });
});

async function prefer(page: Page, preferences: string): Promise<void> {
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.addInitScript((told) => localStorage.setItem("stepwire.preferences", told), preferences);
}

async function expectNothing(page: Page): Promise<void> {
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
}

test("names are shown as text, whatever they hold", async ({ page }) => {
  const server = await startServer();
  const hostile = '<img src=x onerror="window.hacked=1">';
  const created = await page.request.post(`${server.url}/api/runs`, {
    data: { name: hostile, tags: [hostile], notes: hostile, config: { [hostile]: hostile, __proto__x: 1 } },
  });
  const { id } = await created.json();
  for (let step = 0; step < 5; step++) {
    await page.request.post(`${server.url}/api/runs/${id}/metrics`, {
      data: { step, metrics: { [`loss${hostile}`]: step, __proto__: 1, constructor: 2 } },
    });
  }
  await page.request.post(`${server.url}/api/runs/${id}/checkpoints`, {
    data: { filepath: hostile, metadata: { [hostile]: hostile }, step: 1 },
  });
  await page.goto(server.link);
  await expect(page.locator(`[data-run-id="${id}"]`)).toContainText("<img src=x");
  await page.locator(".metrics-chart").first().hover();
  await page.waitForTimeout(500);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  expect(await page.locator('[href^="javascript:"]').count()).toBe(0);
  await server.stop();
});

import path from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { steady } from "./steady";
import { type Server, startScript, startServer } from "./support";

// How the page looks: runs that have ended and whose figures are known, on a machine that is always the same.
// After a change that is meant: `npx playwright test visual --update-snapshots`, and look at each picture that changed.

/**
 * Four runs; the first one prints, the last one fails. Their least and largest values are the same, so that a chart's
 * scale does not depend on which of them is read first.
 */
const RUNS = `
import math, sys
from stepwire import TrainingMonitor

print("RUN run_none", flush=True)

def loss(step, number, floor):
    if step == 300 + 10 * number:
        return 0.4
    return floor + (3.8 - floor) * math.exp(-step / 60) + (0.04 * math.sin(step * number) if step else 0)

def rate(step, warmup):
    part = step / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * (step - warmup) / (399 - warmup)))
    return 1e-6 + 1e-3 * part

FLOORS = {"digits-base": 0.94, "digits-wide": 0.55, "digits-deep": 0.76, "digits-hot": 1.2}
for number, (name, floor) in enumerate(FLOORS.items(), 1):
    config = {"optimizer": {"name": "adamw", "lr": 0.001, "warmup": 20 * number}, "model": {"width": 256 * number}}
    options = {"run_id": f"run_{number}", "total_steps": 400, "system_metrics_interval": 0, "tags": ["digits"]}
    with TrainingMonitor(name, config, **options) as monitor:
        for step in range(400):
            value = loss(step, number, floor)
            values = {"train/loss": value, "lr": rate(step, 20 * number), "grad_norm": 0.4 + value / 3}
            monitor.log_metrics(values, step=step)
            if step % 100 == 99:
                monitor.log_metrics({"val/loss": floor + 0.1, "val/accuracy": 1 - floor / 4}, step=step)
        if number == 1:
            print("\\x1b[32mepoch 1\\x1b[0m \\x1b[1mdone\\x1b[0m", flush=True)
            print("WARNING: shard 17 is read again", flush=True)
            print("ERROR: shard 17 could not be read", file=sys.stderr, flush=True)
            monitor.flush()
            for line in range(20):
                print(f"step {line * 10}/400 loss {loss(line * 10, 1, floor):.4f}", flush=True)
        if number == 4:
            monitor.set_status("failed", "loss is not finite")
`;

let server: Server;

test.use({ colorScheme: "dark", deviceScaleFactor: 1, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" });

test.beforeAll(async ({ playwright }) => {
  server = await startServer();
  // A spool of its own, or what other scripts have left in the user's comes here too.
  await (await startScript(server, RUNS, { STEPWIRE_DIR: path.join(server.data, "spool") })).ended;
  const api = await playwright.request.newContext({ baseURL: server.url });
  for (const step of [100, 200, 300]) await api.post("/api/runs/run_2/checkpoints", { data: checkpointAt(step) });
  await api.put("/api/runs/run_2", { data: { notes: "# Wide\nBest of the digits so far.\n- seeds: *three*" } });
  await api.dispose();
});

test.afterAll(() => server.stop());

function checkpointAt(step: number) {
  const metrics = { "val/loss": 0.9 - step / 1000 };
  return { id: `ckpt_${step}`, filepath: `/data/digits/step_${step}.npz`, size: 8_400_000, step, metrics };
}

async function open(page: Page, size: [width: number, height: number], query = ""): Promise<void> {
  await page.setViewportSize({ width: size[0], height: size[1] });
  await steady(page);
  await page.goto(`${server.url}/#/runs/run_2?cmp=run_1,run_3&w=all${query}`);
  await expect(page.locator("[data-run-id]")).toHaveCount(4);
  await ready(page);
}

/** What is loaded a while after the page stands is there. */
async function ready(page: Page): Promise<void> {
  await expect(page.getByRole("combobox", { name: "Command" })).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
}

async function drawn(page: Page): Promise<void> {
  const charts = page.locator(".metrics-chart:not(.is-empty):visible");
  await expect(charts.first()).toHaveAttribute("data-points", /lastStep/);
}

test("the screen as it starts", async ({ page }) => {
  await open(page, [1920, 1080]);
  await drawn(page);
  await expect(page).toHaveScreenshot("screen-1920.png");
});

test("a small screen, its command line and its help", async ({ page }) => {
  await open(page, [1366, 768]);
  await drawn(page);
  await expect(page).toHaveScreenshot("screen-1366.png");
  await page.keyboard.press("/");
  await page.keyboard.type("l");
  await expect(page.getByRole("option").first()).toBeVisible();
  await expect(page).toHaveScreenshot("command-line.png", { clip: { x: 0, y: 0, width: 700, height: 300 } });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await expect(page).toHaveScreenshot("help.png");
});

test("the run list and a chart of a phone", async ({ page }) => {
  await open(page, [390, 844]);
  await expect(page).toHaveScreenshot("phone-runs.png");
  await page.getByRole("navigation", { name: "Panels" }).getByRole("button", { name: "LOSS" }).click();
  await expect(page.locator("#panel-loss")).toBeInViewport({ ratio: 0.99 });
  await drawn(page);
  await expect(page).toHaveScreenshot("phone-chart.png");
});

test("the light theme", async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("stepwire.preferences", '{"theme": "LIGHT"}'));
  await open(page, [1366, 768]);
  await drawn(page);
  await expect(page).toHaveScreenshot("light.png");
});

test("the console", async ({ page }) => {
  await page.setViewportSize({ width: 1366, height: 768 });
  await steady(page);
  await page.goto(`${server.url}/#/runs/run_1?max=console-1`);
  await expect(page.locator("[data-line]").last()).toContainText("step 190/400");
  await ready(page);
  await expect(page).toHaveScreenshot("console.png");
});

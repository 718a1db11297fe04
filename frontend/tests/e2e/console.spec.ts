import { expect, type Locator, type Page, test } from "@playwright/test";
import { type Server, startScript, startServer, type Training } from "./support";

// What a training script prints, on a page with a real run.

const LINES = 20_000;

/** Colours, stderr, a progress bar, many lines with their steps, then one line a second. */
const PRINTING = `
import sys, time
from stepwire import TrainingMonitor

with TrainingMonitor("printing") as monitor:
    print("RUN", monitor.run_id, flush=True)
    print("\\x1b[31mred\\x1b[0m \\x1b[1mbold\\x1b[0m <b>no html</b>", flush=True)
    print("ERROR: shard 17 could not be read", file=sys.stderr, flush=True)
    for part in range(101):
        sys.stderr.write(f"\\r{part}%|bar| {part}/100")
        sys.stderr.flush()
        time.sleep(0.005)
    sys.stderr.write("\\n")
    for step in range(${LINES}):
        if step % 20 == 0:
            monitor.log_metrics({"loss": 1 / (step + 1)}, step=step)
            time.sleep(0.02)
        print(f"step {step} of many" + (" needle" if step % 2000 == 7 else ""), flush=True)
    for second in range(100_000):
        print(f"tick {second}", flush=True)
        time.sleep(0.25)
`;

let server: Server;
let run: Training;

test.beforeAll(async ({ playwright }) => {
  test.setTimeout(180_000);
  server = await startServer();
  run = await startScript(server, PRINTING);
  const api = await playwright.request.newContext({ baseURL: server.url });
  const ticks = async () => (await (await api.get(`/api/runs/${run.id}/logs?q=tick`)).json()).lines?.length ?? 0;
  await expect.poll(ticks, { timeout: 120_000 }).toBeGreaterThan(0);
  await api.dispose();
});

test.afterAll(async () => {
  await run.interrupt();
  await server.stop();
});

test.beforeEach(async ({ page }) => {
  await page.goto(`${server.url}/#/runs/${run.id}?max=console-1`);
  await expect(lines(page).last()).toContainText("tick");
});

const log = (page: Page): Locator => page.getByRole("log", { name: "Console output" });
const lines = (page: Page): Locator => log(page).locator("[data-line]");
const line = (page: Page, text: string): Locator => lines(page).filter({ hasText: text });

test("the end of 20,000 lines follows what is printed", async ({ page }) => {
  const total = Number(await log(page).getAttribute("data-total"));
  expect(total).toBeGreaterThan(LINES / 2);
  expect(await lines(page).count()).toBeLessThan(100);
  const newest = await lines(page).last().textContent();
  await expect.poll(() => lines(page).last().textContent()).not.toBe(newest);
});

test("scrolled up it stays, counts what came, and End follows again", async ({ page }) => {
  await log(page).hover();
  await page.mouse.wheel(0, -2_000);
  const first = await lines(page).first().textContent();
  await expect(page.getByRole("button", { name: /\+\d+ NEW LINE/ })).toBeVisible();
  expect(await lines(page).first().textContent()).toBe(first);
  await log(page).focus();
  await page.keyboard.press("End");
  await expect(page.getByRole("button", { name: /NEW LINE|TO THE END/ })).toHaveCount(0);
  await expect(lines(page).last()).toContainText("tick");
});

test("colours, streams and levels are seen, a progress bar is one line, and HTML is text", async ({ page }) => {
  await log(page).focus();
  await page.keyboard.press("Home");
  await expect(line(page, "<b>no html</b>")).toBeVisible();
  const colour = (text: string) =>
    log(page)
      .getByText(text, { exact: true })
      .evaluate((element) => getComputedStyle(element).color);
  expect(await colour("red")).not.toBe(await colour("bold"));
  await page.getByRole("button", { name: "ERR", exact: true }).click();
  await expect(lines(page)).toHaveCount(2);
  await expect(line(page, "shard 17")).toContainText("err");
  await expect(line(page, "|bar|")).toContainText("100/100");
  await page.getByRole("button", { name: "ERROR" }).click();
  await expect(lines(page)).toHaveCount(1);
});

test("a search finds what is not loaded, and n goes on", async ({ page }) => {
  await log(page).focus();
  await page.keyboard.press("f");
  await page.keyboard.type("needle");
  await expect(page.getByText(/^hit (\d+) of \1$/)).toBeVisible();
  await expect(log(page).locator("mark")).not.toHaveCount(0);
  await page.keyboard.press("Enter");
  await expect(page.getByText(/^hit 1 of \d+$/)).toBeVisible();
  await expect(log(page).locator("[data-current]")).toContainText("needle");
  await page.keyboard.press("Escape");
  await expect(log(page)).toBeFocused();
  await expect(log(page).locator("mark")).toHaveCount(0);
});

test("a line leads to its step, and the step back to the line", async ({ page }) => {
  await log(page).focus();
  await page.keyboard.press("f");
  await page.keyboard.type("step 8007 ");
  await expect(page.getByText("hit 1 of 1")).toBeVisible();
  await line(page, "step 8007 ").click();
  await expect(page).toHaveURL(/at=8000/);
  await page.keyboard.press("End");
  await page.getByRole("button", { name: "AT STEP 8,000" }).click();
  await expect(line(page, "step 8019 ")).toHaveAttribute("data-current", "true");
});

test("the file has all lines", async ({ page }) => {
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "DOWNLOAD" }).click();
  expect((await download).suggestedFilename()).toBe(`${run.id}.log`);
});

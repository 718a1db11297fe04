import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { startMockTraining, startServer } from "./support";

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

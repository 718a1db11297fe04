import { expect, test } from "@playwright/test";
import { type Server, startMockTraining, startServer } from "./support";

let server: Server;

test.beforeEach(async () => {
  server = await startServer();
});

test.afterEach(async () => {
  await server.stop();
});

// The specification's test; only the address is the server's own.
test("displays real-time metrics", async ({ page }) => {
  await page.goto(server.link);

  // Start mock training
  const run = await startMockTraining(server);

  // Verify run appears in list
  await expect(page.locator(`[data-run-id="${run.id}"]`)).toBeVisible();

  // Verify metrics update
  await page.waitForSelector(".metrics-chart");
  await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
  const chartData = await page.locator(".metrics-chart").first().getAttribute("data-points");
  expect(JSON.parse(chartData ?? "[]").length).toBeGreaterThan(0);

  // And it goes on: the same chart holds more points a moment later.
  await expect(page.locator(".metrics-chart").first()).not.toHaveAttribute("data-points", chartData ?? "");
  await run.interrupt();
});

test("the browser asks for the first runs while the scripts are on their way, and once", async ({ page }) => {
  await page.goto(server.link);
  await expect(page.getByText("LIVE", { exact: true }).first()).toBeVisible();
  await page.reload();
  await expect(page.getByText("LIVE", { exact: true }).first()).toBeVisible();
  const asked = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.includes("/api/runs?"))
      .map((entry) => (entry as PerformanceResourceTiming).initiatorType),
  );
  // The second time is when the socket tells of every run from there on.
  expect(asked).toEqual(["link", "fetch"].slice(0, asked.length));
});

test("every point of a run is in the chart, with the values that were logged", async ({ page }) => {
  await page.goto(server.link);
  const run = await startMockTraining(server, { steps: 300, pauseSeconds: 0.01 });
  expect(await run.ended).toBe(0);
  await expect(page.locator(`[data-run-id="${run.id}"]`)).toContainText("[✓ COMPLETED]");
  const stored = await (await page.request.get(`${server.url}/api/runs/${run.id}`)).json();
  await expect
    .poll(async () => {
      const shown = JSON.parse((await page.locator(".metrics-chart").first().getAttribute("data-points")) ?? "[]");
      return shown.map((line: { n: number; lastStep: number }) => [line.n, line.lastStep]);
    })
    .toEqual([[300, 299]]);
  const [line] = JSON.parse((await page.locator(".metrics-chart").first().getAttribute("data-points")) ?? "[]");
  expect(line.lastValue).toBeCloseTo(stored.summary.loss.last, 12);
});

test("the page heals itself after the server was away", async ({ page }) => {
  await page.goto(server.link);
  const run = await startMockTraining(server, { steps: 4000, pauseSeconds: 0.02 });
  await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
  const data = server.data;
  const port = Number(new URL(server.url).port);
  await server.kill();
  await expect(page.getByText(/RECONNECTING|OFFLINE/).first()).toBeVisible();
  server = await startServer({ port, data });
  await expect(page.getByText("LIVE", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  const before = await page.locator(".metrics-chart").first().getAttribute("data-points");
  await expect(page.locator(".metrics-chart").first()).not.toHaveAttribute("data-points", before ?? "", {
    timeout: 60_000,
  });
  await run.interrupt();
  await expect
    .poll(async () => {
      const stored = await (await page.request.get(`${server.url}/api/runs/${run.id}`)).json();
      const [line] = JSON.parse((await page.locator(".metrics-chart").first().getAttribute("data-points")) ?? "[]");
      return [stored.status, line.n - stored.summary.loss.count, line.lastStep - stored.step];
    })
    .toEqual(["interrupted", 0, 0]);
});

test("Stop from the Actions panel is acknowledged by the script and shown", async ({ page }) => {
  await page.goto(server.link);
  const run = await startMockTraining(server, { steps: 100_000 });
  await expect(page.locator(`[data-run-id="${run.id}"]`)).toBeVisible();
  await page
    .getByRole("button", { name: /stop run/i })
    .first()
    .click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("R1");
  await dialog.getByRole("button", { name: /stop/i }).click();
  expect(await run.ended).toBe(0);
  await expect(page.getByText(/acknowledged/i).first()).toBeVisible();
  const commands = await (await page.request.get(`${server.url}/api/runs/${run.id}/commands`)).json();
  expect(commands.commands[0].state).toBe("acknowledged");
  expect(commands.commands[0].step).toBeGreaterThan(0);
});

test("a page below a proxy's prefix works with relative addresses only", async ({ page }) => {
  const { prefixProxy } = await import("./proxy");
  const proxy = await prefixProxy("/user/me/proxy/8000", new URL(server.url));
  try {
    await page.goto(`${proxy.url}/user/me/proxy/8000/`);
    const run = await startMockTraining(server);
    await expect(page.locator(`[data-run-id="${run.id}"]`)).toBeVisible();
    await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
    await run.interrupt();
  } finally {
    await proxy.stop();
  }
});

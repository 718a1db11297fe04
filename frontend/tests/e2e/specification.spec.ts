import { expect, type Locator, type Page, test } from "@playwright/test";
import { type Server, startMockTraining, startServer, type Training } from "./support";

// What the specification says about the screen, each sentence looked for on a page with real runs.

let server: Server;
let run: Training;

test.beforeAll(async ({ playwright }) => {
  server = await startServer();
  const api = await playwright.request.newContext({ baseURL: server.url });
  for (const status of ["completed", "failed", "interrupted"]) {
    await api.post("/api/runs", { data: { name: `a ${status} run`, status } });
  }
  run = await startMockTraining(server, { steps: 100_000, pauseSeconds: 0.01 });
  await expect.poll(async () => (await api.get(`/api/runs/${run.id}`)).status()).toBe(200);
  for (const [step, loss, accuracy] of [
    [5000, 0.0789, 0.9321],
    [10000, 0.0456, 0.9654],
    [15000, 0.0234, 0.9823],
  ]) {
    const saved = await api.post(`/api/runs/${run.id}/checkpoints`, {
      data: { filepath: `/data/model_${step}.pt`, step, metrics: { loss, accuracy }, metadata: { epoch: 3 } },
    });
    if (step === 15000) await api.post(`/api/checkpoints/${(await saved.json()).id}/best`);
  }
  await api.dispose();
});

test.afterAll(async () => {
  await run.interrupt();
  await server.stop();
});

test.beforeEach(async ({ page }) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.goto(server.link);
  await page.locator(`[data-run-id="${run.id}"]`).click();
  await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
  // Those that let the charts be drawn first are there too.
  await expect(panel(page, "RUN CONFIG")).toContainText("id");
  await expect(panel(page, "CHECKPOINTS").getByRole("grid")).toBeVisible();
  await expect(panel(page, "ACTIONS")).toContainText("COPY LINK");
});

function panel(page: Page, name: string): Locator {
  return page.getByRole("region", { name, exact: true });
}

async function box(page: Page, name: string) {
  // A panel that is loaded after the others takes the place of its empty frame, which may be in this moment.
  await expect.poll(() => panel(page, name).boundingBox()).not.toBeNull();
  const found = await panel(page, name).boundingBox();
  if (found === null) throw new Error(`No panel ${name}`);
  return { left: found.x, right: found.x + found.width, top: found.y };
}

test("eight panels stand in the 3 x 3 grid", async ({ page }) => {
  const rows = [
    ["RUN LIST", "SYSTEM STATUS", "EVENT LOG"],
    ["LOSS PLOT", "LR PLOT", "RUN CONFIG"],
    ["CHECKPOINTS", "ACTIONS"],
  ];
  const boxes = await Promise.all(rows.map((names) => Promise.all(names.map((name) => box(page, name)))));
  const tops = boxes.map((row) => row.map(({ top }) => Math.round(top)));
  for (const row of tops) expect(new Set(row).size).toBe(1);
  expect(tops.map(([top]) => top)).toEqual(tops.map(([top]) => top).toSorted((a = 0, b = 0) => a - b));
  for (const row of boxes) {
    for (const [index, { left }] of row.entries()) expect(left).toBeGreaterThanOrEqual(row[index - 1]?.right ?? 0);
  }
  const [checkpoints, actions] = boxes[2] ?? [];
  const [runs, , events] = boxes[0] ?? [];
  expect(checkpoints?.left).toBe(runs?.left);
  expect(Math.abs((actions?.left ?? 0) - (events?.left ?? 0))).toBeLessThan(3);
});

test("the palette and the font are the specified ones", async ({ page }) => {
  const wanted = {
    "--bg-primary": "#000000",
    "--bg-secondary": "#0a0a0a",
    "--bg-panel": "#1a1a1a",
    "--text-primary": "#ffd700",
    "--text-secondary": "#ffa500",
    "--text-muted": "#808080",
    "--status-good": "#00ff00",
    "--status-warning": "#ffa500",
    "--status-error": "#ff0000",
    "--status-info": "#00ffff",
    "--border-color": "#333333",
  };
  const found = await page.evaluate((names) => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name).trim().toLowerCase()]));
  }, Object.keys(wanted));
  // A build may write #ffd700 as gold, and #000000 as #000: compare what they mean.
  for (const [name, colour] of Object.entries(wanted)) {
    expect(await resolved(page, found[name] ?? ""), name).toBe(await resolved(page, colour));
  }
  const fonts = await page.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter((element) => element.textContent?.trim() && !(element instanceof SVGElement))
      .map((element) => getComputedStyle(element).fontFamily)
      .filter((font) => !/^"?JetBrains Mono/.test(font)),
  );
  expect(fonts).toEqual([]);
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(0, 0, 0)");
});

function resolved(page: Page, colour: string): Promise<string> {
  return page.evaluate((text) => {
    const probe = document.createElement("i");
    probe.style.color = text;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }, colour);
}

test("badges carry mark, word and colour", async ({ page }) => {
  const badges: [string, string][] = [
    ["[● RUNNING]", "#00ff00"],
    ["[✓ COMPLETED]", "#00ff00"],
    ["[✗ FAILED]", "#ff0000"],
  ];
  for (const [text, colour] of badges) {
    const badge = page.getByText(text, { exact: true }).first();
    await expect(badge).toBeVisible();
    expect(hue(await badge.evaluate((element) => getComputedStyle(element).color)), text).toBe(
      hue(await resolved(page, colour)),
    );
  }
  await expect(page.getByText("[■ INTERRUPTED]", { exact: true }).first()).toBeVisible();
});

/** Which of red, green and blue leads: brighter shades for contrast stay the same colour. */
function hue(colour: string): number {
  const parts = (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  return parts.indexOf(Math.max(...parts));
}

test("buttons are outlined and not filled", async ({ page }) => {
  const row = panel(page, "CHECKPOINTS").getByRole("row").filter({ hasText: "ckpt_0002" });
  const button = row.getByRole("button", { name: /mark as best/i });
  expect(
    await button.evaluate((element) => Number.parseFloat(getComputedStyle(element).borderTopWidth)),
  ).toBeGreaterThan(0);
  const fills = await page
    .getByRole("button")
    .evaluateAll((buttons) => buttons.map((element) => getComputedStyle(element).backgroundColor));
  expect(fills.length).toBeGreaterThan(10);
  expect(new Set(fills)).toEqual(new Set(["rgba(0, 0, 0, 0)"]));
});

test("a row is highlighted under the pointer, the active panel has a brighter border", async ({ page }) => {
  const row = page.locator("[data-run-id]").filter({ hasText: "a failed run" });
  await row.hover();
  expect(await row.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe(
    await resolved(page, "#2a2a2a"),
  );
  await panel(page, "EVENT LOG").click({ position: { x: 150, y: 8 } });
  const border = await panel(page, "EVENT LOG").evaluate((element) => getComputedStyle(element).borderTopColor);
  expect(border).toBe(await resolved(page, "#00ffff"));
});

test("each panel shows what it is for", async ({ page }) => {
  await expect(panel(page, "RUN LIST").locator("[data-run-id]")).toHaveCount(4);
  await expect(panel(page, "SYSTEM STATUS")).toContainText("CPU");
  await expect(panel(page, "SYSTEM STATUS")).toContainText("RAM");
  await expect(panel(page, "EVENT LOG")).toContainText("started on");
  await expect(panel(page, "LOSS PLOT").locator(".metrics-chart")).toHaveAttribute("data-points", /\{/);
  await expect(panel(page, "LR PLOT").locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
  await expect(panel(page, "RUN CONFIG")).toContainText("batch");
  await expect(panel(page, "ACTIONS").getByRole("button", { name: /stop run/i })).toBeEnabled();
});

test("charts show the last 100, the last 1000 or all points", async ({ page }) => {
  const loss = panel(page, "LOSS PLOT");
  for (const name of ["100", "1K", "ALL"]) {
    const button = loss.getByRole("button", { name, exact: true });
    await button.click();
    await expect(button).toHaveAttribute("aria-pressed", "true");
  }
});

test("checkpoints sort by any column", async ({ page }) => {
  const table = panel(page, "CHECKPOINTS");
  const steps = () => table.getByRole("row").filter({ hasText: "ckpt_" }).allInnerTexts();
  for (const name of ["ID", "STEP", "LOSS", "ACCURACY", "TIMESTAMP"]) {
    const heading = table.getByRole("columnheader", { name: new RegExp(`^${name}`) });
    await heading.getByRole("button").or(heading).first().click();
    await expect.poll(async () => (await steps()).length).toBe(3);
    const before = await steps();
    await heading.getByRole("button").or(heading).first().click();
    await expect.poll(async () => (await steps()).map(id), name).toEqual(before.map(id).toReversed());
  }
});

function id(row: string): string {
  return /ckpt_\d+/.exec(row)?.[0] ?? row;
}

test("the best checkpoint is starred and a click on a row shows its details", async ({ page }) => {
  const table = panel(page, "CHECKPOINTS");
  const best = table.getByRole("row").filter({ hasText: "ckpt_0003" });
  // The star is drawn, because the font has none; its words are for those who don't see it.
  await expect(best.getByTitle("Best")).toHaveCount(1);
  await expect(table.getByRole("row").filter({ hasText: "ckpt_0002" }).getByTitle("Best")).toHaveCount(0);
  await best.click();
  await expect(table).toContainText("/data/model_15000.pt");
  await expect(table).toContainText("epoch");
});

test("on a phone the panels lie side by side in one column each, the run list first", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const names = [
    "RUN LIST",
    "SYSTEM STATUS",
    "EVENT LOG",
    "LOSS PLOT",
    "LR PLOT",
    "RUN CONFIG",
    "CHECKPOINTS",
    "ACTIONS",
  ];
  const boxes = await Promise.all(names.map((name) => box(page, name)));
  expect(boxes.map(({ left }) => Math.round(left))).toEqual(names.map((_, at) => at * 390));
  expect(new Set(boxes.map(({ top }) => Math.round(top))).size).toBe(1);
});

test("the run's latest values are a table", async ({ page }) => {
  const config = panel(page, "RUN CONFIG");
  await config.getByRole("button", { name: "LAST" }).click();
  const loss = config.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "loss", exact: true }) });
  await expect(loss.getByRole("cell").nth(1)).toHaveText(/^\d/);
  const before = await loss.innerText();
  await expect.poll(() => loss.innerText()).not.toBe(before);
});

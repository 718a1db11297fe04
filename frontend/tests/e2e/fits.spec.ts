import { expect, test } from "@playwright/test";
import { type Server, startScript, startServer } from "./support";

// What stands in a narrow place is whole: a number without its exponent is another number.

const SMALL = `
from stepwire import TrainingMonitor

with TrainingMonitor("small", total_steps=300) as monitor:
    print("RUN", monitor.run_id, flush=True)
    for step in range(300):
        monitor.log_metrics({"loss": 8.12e-12 + (300 - step) * 1e-12, "lr": 1e-3}, step=step)
`;

let server: Server;

test.beforeAll(async () => {
  server = await startServer();
  await (await startScript(server, SMALL)).ended;
});

test.afterAll(() => server.stop());

for (const width of [1920, 1600, 1366, 390]) {
  test(`values of 1e-12 are whole in a list ${width} wide`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(server.link);
    const row = page.locator("[data-run-id]");
    await expect(row).toContainText("e-12");
    const cut = await row
      .getByRole("gridcell")
      .evaluateAll(
        (cells) => cells.filter((cell) => /e-12/.test(cell.textContent) && cell.scrollWidth > cell.clientWidth).length,
      );
    expect(cut).toBe(0);
  });
}

test("a function's words end before what it does begins", async ({ page }) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.goto(server.link);
  await expect(page.locator("[data-run-id]")).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toContainText("jsonl");
  const over = await page
    .locator("dialog dt")
    .evaluateAll((terms) =>
      terms.filter((term) => term.scrollWidth > term.clientWidth).map((term) => term.textContent),
    );
  expect(over).toEqual([]);
});

test("nothing in a narrow chart's heading stands on its window button", async ({ page }) => {
  await page.setViewportSize({ width: 1366, height: 768 });
  await page.goto(server.link);
  await expect(page.locator("[data-run-id]")).toBeVisible();
  for (const line of ["CH loss", "CH lr"]) {
    await page.keyboard.press("/");
    await page.keyboard.type(line);
    await expect(page.getByRole("option").first()).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(page.locator("[data-panel^=chart-] .metrics-chart").last()).toBeVisible();
    await page.keyboard.press("F2");
  }
  const covered = await page.locator("[data-panel]").evaluateAll((panels) =>
    panels.flatMap((panel) => {
      const left = panel.querySelector("[aria-label^=Maximise]")?.getBoundingClientRect().left ?? Infinity;
      const shown = [...panel.querySelectorAll("fieldset button")].filter((button) => button.checkVisibility());
      return shown
        .filter((button) => button.getBoundingClientRect().right > left + 1 && button.closest("[data-panel]") === panel)
        .map((button) => `${panel.id}: ${button.textContent}`);
    }),
  );
  expect(covered).toEqual([]);
});

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { prepareRuns, type Server, startServer } from "./support";

/** What people come for, done without a mouse on twenty runs; `docs/terminal.md` has the figures. */
const MOST_PRESSES = 8;
const PAGE = path.resolve(import.meta.dirname, "../../../docs/terminal.md");

let server: Server;
let runs: { end(): Promise<void> };
let context: BrowserContext;
let page: Page;
const figures: { number: number; task: string; keys: string; presses: number; seconds: number }[] = [];

test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ browser }) => {
  test.setTimeout(240_000);
  server = await startServer();
  runs = await prepareRuns(server);
  context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  page = await context.newPage();
  await open("#/");
});

test.afterAll(async () => {
  await context?.close();
  await runs?.end();
  await server?.stop();
  if (process.env.STEPWIRE_WRITE_DOCS) writeDocs();
});

/** Presses keys one by one and counts them; a word in angle brackets is one key. */
async function press(
  number: number,
  task: string,
  keys: string,
  reached: () => Promise<void>,
  told = keys,
): Promise<void> {
  const started = Date.now();
  const strokes = keys.match(/<[^>]+>|[\s\S]/g) ?? [];
  for (const stroke of strokes) {
    const key = stroke.startsWith("<") ? stroke.slice(1, -1) : stroke;
    await page.keyboard.press(key === " " ? "Space" : key);
  }
  await reached();
  figures.push({ number, task, keys: told, presses: strokes.length, seconds: (Date.now() - started) / 1000 });
  expect(strokes.length, `presses of task ${number}`).toBeLessThanOrEqual(MOST_PRESSES);
  if (!process.env.STEPWIRE_WRITE_DOCS)
    expect(readFileSync(PAGE, "utf8")).toContain(`| ${number} | ${task} | ${shown(told)} |`);
}

async function open(fragment: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(`${server.url}/${fragment}`);
  await expect(page.locator("[data-run-id]").first()).toBeVisible();
  await expect(page.locator(".metrics-chart:not(.is-empty)").first()).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Command" })).toBeVisible();
}

async function runOf(name: string): Promise<{ id: string; number: number }> {
  const answer = await page.request.get(`${server.url}/api/runs?q=${name}&limit=50`);
  const { runs } = (await answer.json()) as { runs: { id: string; number: number; name: string }[] };
  const run = runs.find((each) => each.name === name);
  if (run === undefined) throw new Error(`no run ${name}`);
  return run;
}

const selectedRow = () => page.locator('[data-run-id][aria-selected="true"]');
const panel = (id: string) => page.locator(`#panel-${id}`);

test("1: which run needs me", async () => {
  await press(1, "which run needs me", "/att<Enter>", async () => {
    await expect(selectedRow()).toContainText("lm-lr12e4");
    await expect(panel("config")).toContainText("lm-lr12e4");
  });
});

test("2: its learning rate and the load at the spike", async () => {
  await press(2, "its learning rate and the load of its host at the spike", "/spi<Enter>", async () => {
    await expect(panel("system")).toContainText(/AT STEP 309.*CPU \d/s);
    await expect(panel("rate")).toContainText("lm-lr12e4");
    await expect(page).toHaveURL(/at=309/);
  });
});

test("3: the last lines before it failed", async () => {
  await press(3, "its last log lines before it failed", "/log<Enter>", async () => {
    await expect(panel("console-1")).toContainText("loss is no longer finite");
    await expect(panel("console-1")).toContainText("last batch: shard 0017 sample 40961");
  });
});

test("4: the config's difference to the best run", async () => {
  await press(4, "what its config has other than the best run", "/diff<Enter>", async () => {
    await expect(panel("config")).toContainText("lm-wide");
    await expect(panel("config").getByRole("button", { name: "DIFF" })).toHaveAttribute("aria-pressed", "true");
    await expect(panel("config")).toContainText("lr");
  });
});

test("5: three runs overlaid and smoothed", async () => {
  const { id } = await runOf("lm-seed5");
  await open(`#/runs/${id}?cmp=`);
  await press(5, "three runs overlaid, smoothed", "<F2>jcjce", async () => {
    await expect(page).toHaveURL(/ema=0\.\d/);
    const drawn = await panel("loss").locator(".metrics-chart").first().getAttribute("data-points");
    expect(JSON.parse(drawn ?? "[]")).toHaveLength(3);
  });
});

test("6: one of 5,000 metrics", async () => {
  const { id } = await runOf("probe-wide");
  await open(`#/runs/${id}`);
  await press(6, "one of 5,000 metrics", "/417/g<Enter>", async () => {
    const chart = panel("chart-1").locator(".metrics-chart:not(.is-empty)");
    await expect(chart.first()).toHaveAttribute("aria-label", /layer\.417\/grad_norm/);
  });
});

test("7: the best checkpoint's path", async () => {
  const { id } = await runOf("lm-wide");
  await open(`#/runs/${id}`);
  await press(7, "the best checkpoint's path on the clipboard", "/best<Enter>", async () => {
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/lm-wide\/step_800\.npz$/);
  });
});

test("8: stop a run", async () => {
  const { id, number } = await runOf("lm-live2");
  await open(`#/runs/${id}`);
  const stopped = async () => {
    await expect(selectedRow()).toContainText("COMPLETED", { timeout: 30_000 });
    await expect(panel("actions")).toContainText("ACKNOWLEDGED");
  };
  await press(8, "stop a run", `/st<Enter>R${number}<Enter>`, stopped, "/st<Enter>R20<Enter>");
});

test("9: this view as a link in a second browser", async ({ browser }) => {
  const { id } = await runOf("lm-spiky");
  const other = await runOf("lm-base");
  await open(`#/runs/${id}?cmp=${other.id}&w=all&ema=0.6&zoom=550,650&log=1`);
  let link = "";
  await press(9, "exactly this view as a link", "y", async () => {
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain(id);
    link = await page.evaluate(() => navigator.clipboard.readText());
  });
  const second = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
  await second.goto(link);
  for (const each of [page, second]) {
    await expect(each.locator('[data-run-id][aria-selected="true"]')).toContainText("lm-spiky");
    await expect(each.locator("#panel-loss .metrics-chart").first()).toHaveAttribute("data-points", /lastStep/);
    await expect(each).toHaveURL(/zoom=550(,|%2C)650/);
  }
  const drawn = (each: Page) => each.locator("#panel-loss .metrics-chart").first().getAttribute("data-points");
  expect(await drawn(second)).toBe(await drawn(page));
  await second.close();
});

/** Keys as the page shows them. */
function shown(keys: string): string {
  return (keys.match(/<[^>]+>|[\s\S]/g) ?? []).map((key) => `\`${key.replace(/[<>]/g, "")}\``).join(" ");
}

const BEGIN = "<!-- tasks: written by tests/e2e/tasks.spec.ts -->";
const END = "<!-- end of tasks -->";

function writeDocs(): void {
  const rows = figures.map(
    ({ number, task, keys, presses, seconds }) =>
      `| ${number} | ${task} | ${shown(keys)} | ${presses} | 0 | ${seconds.toFixed(1)} |`,
  );
  const head = ["| | task | keys | presses | clicks | seconds |", "|---|---|---|---|---|---|"];
  const text = readFileSync(PAGE, "utf8");
  const [before, rest] = text.split(BEGIN);
  const [, after] = (rest ?? "").split(END);
  writeFileSync(PAGE, `${before}${BEGIN}\n${[...head, ...rows].join("\n")}\n${END}${after}`);
}

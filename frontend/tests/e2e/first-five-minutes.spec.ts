import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, type Page, test } from "@playwright/test";

// A newcomer's first five minutes, from a bare environment with a warm package cache. What is timed is printed and
// kept as an annotation of the test; the goals stand beside it.

const ROOT = path.resolve(import.meta.dirname, "../../..");
const folder = mkdtempSync(path.join(tmpdir(), "stepwire-first-"));
const bin = path.join(folder, "venv/bin");
const work = path.join(folder, "work");

test.describe.configure({ mode: "serial" });

test.beforeAll(() => {
  test.setTimeout(300_000);
  const python = process.env.STEPWIRE_PYTHON ?? "python3";
  execFileSync(python, ["-m", "pip", "-q", "--disable-pip-version-check", "wheel", "--no-deps", "-w", folder, ROOT]);
  execFileSync(python, ["-m", "venv", path.join(folder, "venv")]);
  mkdirSync(work);
});

test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(STEPWIRE_|PYTHON)/.test(name));
  return { ...Object.fromEntries(kept), PATH: `${bin}:/usr/bin:/bin`, PYTHONUNBUFFERED: "1", ...extra };
}

function start(command: string, ...args: string[]): { process: ChildProcess; output: () => string } {
  const child = spawn(path.join(bin, command), args, { cwd: work, env: environment() });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return { process: child, output: () => output };
}

async function link(output: () => string): Promise<string> {
  await expect.poll(output, { timeout: 60_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
  return /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0] ?? "";
}

function report(what: string, milliseconds: number, goal: string): void {
  const line = `${what}: ${(milliseconds / 1000).toFixed(2)} s (goal ${goal})`;
  test.info().annotations.push({ type: "measured", description: line });
  console.log(`    ${line}`);
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });
}

const points = (page: Page) => page.locator(".metrics-chart").first().getAttribute("data-points");

test("(a) pip install and stepwire demo bring moving curves", async ({ page }) => {
  test.setTimeout(240_000);
  const begun = Date.now();
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl")) ?? "";
  execFileSync(path.join(bin, "pip"), [
    "-q",
    "install",
    "--disable-pip-version-check",
    `${path.join(folder, wheel)}[server]`,
  ]);
  const demo = start("stepwire", "demo", "--no-browser");
  await page.goto(await link(demo.output));
  await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/, { timeout: 60_000 });
  const first = await points(page);
  await expect(page.locator(".metrics-chart").first()).not.toHaveAttribute("data-points", first ?? "");
  report("from pip install to moving curves", Date.now() - begun, "60 s");
  await expect(page.locator("[data-run-id]")).toHaveCount(4);
  demo.process.kill("SIGINT");
  await ended(demo.process);
});

test.describe("stepwire up", () => {
  let server: ReturnType<typeof start>;
  let url = "";

  test.beforeAll(async () => {
    server = start("stepwire", "up", "--port", "0", "--no-browser", "--data", path.join(folder, "data"));
    url = await link(server.output);
  });

  test.afterAll(async () => {
    server.process.kill("SIGTERM");
    await ended(server.process);
  });

  test("(b) an empty page shows the lines to paste, with this server's address", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(url);
    await expect(page.getByText("from stepwire import TrainingMonitor")).toBeVisible();
    await page.getByRole("button", { name: /copy/i }).first().click();
    const pasted = await page.evaluate(() => navigator.clipboard.readText());
    expect(pasted).toContain(url);
    expect(pasted).toContain("TrainingMonitor");
    writeFileSync(path.join(work, "train.py"), pasted);
  });

  test("(c, d) the pasted lines run unchanged, and the page turns to the run by itself", async ({ page }) => {
    await page.addInitScript(() => {
      const look = () => {
        if (document.querySelector("[data-run-id]")) document.documentElement.dataset.seen ??= String(Date.now());
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await page.goto(url);
    await expect(page.getByText("from stepwire import TrainingMonitor")).toBeVisible();
    const script = start("python", "train.py");
    await expect(page.locator("[data-run-id]")).toHaveCount(1);
    await expect(page.locator(".metrics-chart").first()).toHaveAttribute("data-points", /\{/);
    const id = (await page.locator("[data-run-id]").getAttribute("data-run-id")) ?? "";
    expect(page.url()).toContain(id);
    const seen = Number(await page.evaluate(() => document.documentElement.dataset.seen));
    const name = Object.keys((await (await page.request.get(`${url}/api/runs/${id}`)).json()).summary)[0] ?? "";
    const raw = await (
      await page.request.get(`${url}/api/runs/${id}/metrics?raw=true&limit=1&key=${encodeURIComponent(name)}`)
    ).json();
    report("from the first log_metrics to the run on the page", seen - raw.keys[name].time[0] / 1000, "1 s");
    await expect(page.locator(`[data-run-id="${id}"]`)).toContainText("[✓ COMPLETED]", { timeout: 60_000 });
    expect(await ended(script.process)).toBe(0);
    expect(script.output()).toMatch(new RegExp(`^stepwire: .+ → ${url}/#/runs/${id}\\n$`));
  });

  const ends = [
    {
      title: "ctrl-C gives interrupted",
      last: "import time; time.sleep(60)",
      signal: "SIGINT",
      text: "[■ INTERRUPTED]",
    },
    { title: "a normal end gives completed", last: "", signal: null, text: "[✓ COMPLETED]" },
    { title: "a raise gives failed", last: "raise RuntimeError('the loss is gone')", signal: null, text: "[✗ FAILED]" },
  ] as const;
  for (const end of ends) {
    test(`(e) ${end.title}, without any finish()`, async ({ page }) => {
      await page.goto(url);
      const code = [
        "from stepwire import TrainingMonitor",
        `monitor = TrainingMonitor(${JSON.stringify(end.title)}, dashboard_url=${JSON.stringify(url)})`,
        "for step in range(20): monitor.log_metrics({'loss': 1 / (1 + step)}, step=step)",
        end.last,
      ];
      writeFileSync(path.join(work, "end.py"), code.join("\n"));
      const script = start("python", "end.py");
      const row = page.locator("[data-run-id]").filter({ hasText: end.title });
      await expect(row).toBeVisible();
      if (end.signal !== null) script.process.kill(end.signal);
      await expect(row).toContainText(end.text);
      await ended(script.process);
      if (end.text === "[✗ FAILED]") {
        await expect(page.getByRole("log").getByText("the loss is gone").first()).toBeVisible();
      }
    });
  }

  test("(f) Actions offers only what works today", async ({ page }) => {
    await page.goto(url);
    await expect(page.locator("[data-run-id]").first()).toBeVisible();
    const panel = page.getByRole("region", { name: /actions/i });
    // A run that has ended can't be stopped, and the panel says so.
    await expect(panel.getByRole("button", { name: /stop run/i })).toBeDisabled();
    const offered = await panel.getByRole("button").allInnerTexts();
    expect(offered.length).toBeGreaterThan(2);
    for (const text of offered) expect(text).not.toMatch(/save checkpoint|resume from|alert|note|load|pause run/i);
  });
});

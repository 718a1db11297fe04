import { defineConfig } from "@playwright/test";

const chromium = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export default defineConfig({
  testDir: "tests/e2e",
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  timeout: 90_000,
  expect: {
    timeout: 15_000,
    // A screen without its smallest panel differs in 0.15 % of its pixels, since most of them are black anyway.
    toHaveScreenshot: { threshold: 0.2, maxDiffPixelRatio: 0.001, scale: "css", caret: "hide" },
  },
  // Without the platform: the page brings its own font, so that pictures of other machines differ little.
  snapshotPathTemplate: "{testDir}/{testFileName}-snapshots/{arg}{ext}",
  reporter: "list",
  use: {
    browserName: "chromium",
    launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: chromium },
    trace: "retain-on-failure",
  },
});

import { expect, test } from "@playwright/test";
import { startServer } from "./support";

/** What tries to run when a text is taken for markup, a link, a style, a path or a template. */
const PAYLOADS = [
  "<script>hacked=1</script>",
  "<img src=x onerror=hacked=1>",
  "<svg onload=hacked=1>",
  "<iframe srcdoc='<script>parent.hacked=1</script>'>",
  "<a href='javascript:hacked=1'>x</a>",
  "javascript:hacked=1",
  "data:text/html,<script>parent.hacked=1</script>",
  "[x](javascript:hacked=1)",
  "![x](http://stepwire.invalid/leak)",
  "<style>*{background:url(http://stepwire.invalid/leak)}</style>",
  "<link rel=stylesheet href=http://stepwire.invalid/leak>",
  "<meta http-equiv=refresh content='0;url=http://stepwire.invalid/leak'>",
  "<base href=http://stepwire.invalid/>",
  "<form action=http://stepwire.invalid/leak><button>x",
  "<object data=http://stepwire.invalid/leak>",
  "<math><mi xlink:href='javascript:hacked=1'>",
  "<details open ontoggle=hacked=1>",
  "<input autofocus onfocus=hacked=1>",
  "'-(hacked=1)-'",
  '"><b onmouseover=hacked=1>',
  "{{constructor.constructor('hacked=1')()}}",
  "$" + "{hacked=1}",
  "__proto__",
  "constructor",
  "toString",
  "../../../../etc/passwd",
  '=HYPERLINK("http://stepwire.invalid/leak")',
  "'; DROP TABLE runs; --",
  "%00%0a%0d<script>hacked=1</script>",
  "\u202egpj.exe\u202c \u200b\ufeff \u0301\u0301\u0301",
];

/** How a payload is dressed: ten ways, so that there are three hundred strings. */
const DRESS: readonly ((payload: string) => string)[] = [
  (text) => text,
  (text) => `${text}${text}`,
  (text) => `loss/${text}`,
  (text) => `"${text}"`,
  (text) => `\`${text}\``,
  (text) => `# ${text}\n- ${text}`,
  (text) => `&amp;${text.replaceAll("<", "&lt;").replaceAll("'", "&#39;")}`,
  (text) => `${"A".repeat(200)}${text}`,
  (text) => `${text} 漢字 🎉`,
  (text) => `A${text.toUpperCase().replaceAll("HACKED=1", "hacked=1")}`,
];

const STRINGS = PAYLOADS.flatMap((payload) => DRESS.map((dress) => dress(payload)));

test("three hundred hostile strings in every field are shown as text and do nothing", async ({ page }) => {
  test.setTimeout(300_000);
  expect(new Set(STRINGS).size).toBe(300);
  const server = await startServer();
  const foreign: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("about:")) foreign.push(request.url());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });

  const ids: string[] = [];
  let refused = 0;
  for (const text of STRINGS) {
    const line = text.replaceAll("\n", " ");
    const made = await page.request.post(`${server.url}/api/runs`, {
      data: {
        name: line.slice(0, 200),
        project: line.slice(0, 60),
        group: line.slice(0, 60),
        tags: [line.slice(0, 60)],
        notes: text,
        config: { [line]: text, nested: { [line]: [text] } },
      },
    });
    expect(made.status(), `${text}: ${await made.text()}`).toBeLessThan(500);
    if (!made.ok()) {
      refused += 1;
      continue;
    }
    const { id } = (await made.json()) as { id: string };
    ids.push(id);
    const points = await page.request.post(`${server.url}/api/runs/${id}/metrics`, {
      data: { points: [0, 1, 2].map((step) => ({ step, metrics: { [line.slice(0, 100)]: step, loss: step } })) },
    });
    expect(points.status()).toBeLessThan(500);
    const saved = await page.request.post(`${server.url}/api/runs/${id}/checkpoints`, {
      data: { filepath: line, metadata: { [line]: text }, step: 1 },
    });
    expect(saved.status()).toBeLessThan(500);
  }
  // Names with control characters are refused, with a reason; all else is somebody's name.
  expect(refused).toBeLessThan(40);

  await page.goto(server.link);
  await expect(page.locator("[data-run-id]").first()).toBeVisible();
  const every = Math.ceil(ids.length / 30);
  for (const id of ids.filter((_, at) => at % every === 0)) {
    await page.goto(`${server.url}/#/runs/${id}?m.loss=loss`);
    await expect(page.locator("#panel-loss .metrics-chart:not(.is-empty)").first()).toBeVisible();
    await page.locator("#panel-loss .metrics-chart").first().hover();
    await page.keyboard.press("Escape");
  }
  for (const text of STRINGS.filter((_, at) => at % 30 === 0)) {
    await page.keyboard.press("/");
    await page.keyboard.insertText(text.replaceAll("\n", " "));
    await page.keyboard.press("Escape");
  }
  for (const line of ["NOTE", "LOG", "LAST", "GRID"]) {
    await page.keyboard.press("/");
    await page.keyboard.insertText(line);
    await page.keyboard.press("Enter");
    await page.waitForTimeout(400);
  }
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  expect(await page.locator('[href^="javascript:" i], [src^="javascript:" i], base').count()).toBe(0);
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
  await server.stop();
});

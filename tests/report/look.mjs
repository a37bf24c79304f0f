// Opens pages in a headless browser and prints as JSON what it meets there.
// Usage: node look.mjs DIRECTORY PAGE…, where DIRECTORY has node_modules.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [directory, ...pages] = process.argv.slice(2);
const require = createRequire(join(directory, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");

async function executable() {
  if (process.env.PARQUETRY_CHROMIUM) return process.env.PARQUETRY_CHROMIUM;
  const packed = await import(pathToFileURL(require.resolve("@sparticuz/chromium")));
  return packed.default.executablePath();
}

// bypassing the page's policy is for axe alone, which is put into the page
async function opened(browser, file, options, met) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (message) => met.console.push(message.text()));
  page.on("pageerror", (error) => met.console.push(String(error)));
  page.on("dialog", (dialog) => { met.console.push("dialog"); dialog.dismiss(); });
  page.on("request", (request) => met.requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  return page;
}

const WAYS = [
  ["light", 1400], ["dark", 1400], ["light", 400], ["dark", 400],
];

async function looked(browser, file) {
  const met = { console: [], requests: [], axe: [], overflow: [] };
  for (const [colorScheme, width] of WAYS) {
    const viewport = { width, height: 900 };
    const page = await opened(browser, file, { colorScheme, viewport }, met);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) met.overflow.push(`${colorScheme} ${width}: ${over}`);
    await page.context().close();
    if (width === 400 && colorScheme === "dark") continue;
    const other = { console: [], requests: [] };
    const tested = await opened(browser, file, { colorScheme, viewport, bypassCSP: true }, other);
    await tested.evaluate(() => { for (const one of document.querySelectorAll("details")) one.open = true; });
    await tested.addScriptTag({ content: axe });
    const found = await tested.evaluate(() => axe.run({ resultTypes: ["violations"] }));
    for (const one of found.violations) {
      met.axe.push(`${colorScheme} ${width}: ${one.id}: ${one.nodes[0].html.slice(0, 300)} ${one.nodes[0].failureSummary}`);
    }
    await tested.context().close();
  }
  return met;
}

const TABLE = "table[data-sorts]";

async function used(browser, file) {
  const met = { console: [], requests: [] };
  const page = await opened(browser, file, { viewport: { width: 1400, height: 900 } }, met);
  const found = {};
  const grid = page.locator("[data-search]").last();
  found.rows = await grid.locator("tbody tr").count();
  const box = grid.locator("input");
  found.wanted = (await grid.locator("tbody tr").first().locator("td").first().innerText()).trim();
  await box.focus();
  await page.keyboard.type(found.wanted);
  found.shown = await grid.locator("tbody tr:visible").allInnerTexts();
  found.said = await grid.locator("output").innerText();
  await box.fill("");
  const table = page.locator(TABLE).first();
  const head = table.locator("thead th").nth(2);
  await head.locator("button").focus();
  const numbers = async () => (await table.locator("tbody tr td:nth-child(3)").allInnerTexts());
  await page.keyboard.press("Enter");
  found.descending = [await head.getAttribute("aria-sort"), await numbers()];
  await page.keyboard.press("Enter");
  found.ascending = [await head.getAttribute("aria-sort"), await numbers()];
  found.outline = await head.locator("button").evaluate((one) => getComputedStyle(one).outlineStyle);
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  found.closed = await page.locator("details:not([open])").count();
  found.searches = await page.locator(".search:visible").count();
  found.pages = ((await page.pdf()).toString("latin1").match(/\/Type\s*\/Page[^s]/g) || []).length;
  await page.context().close();
  const bare = await opened(browser, file, { javaScriptEnabled: false }, met);
  found.bare = [await bare.locator("button, input").count(), await bare.locator("tbody tr").count()];
  await bare.context().close();
  return { ...found, ...met };
}

const browser = await chromium.launch({
  executablePath: await executable(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  const result = { pages: {}, used: await used(browser, pages[0]) };
  for (const file of pages) result.pages[file] = await looked(browser, file);
  process.stdout.write(JSON.stringify(result));
} finally {
  await browser.close();
}

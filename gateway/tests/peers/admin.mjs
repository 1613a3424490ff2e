// A real Chromium looks at the page for administrators.
//
// Argument: {"url", "token", "output"}. Screenshots go to "output". The last line on stdout is one JSON
// object with what was seen; the exit code says whether it went well.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const settings = JSON.parse(process.argv[2]);
mkdirSync(settings.output, { recursive: true });
const result = { script_errors: [], console: [] };
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // The sandbox wants rights that a container does not give; the pages are our own.
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});

try {
  // A browser would ask for the password here.
  result.stranger = (await fetch(settings.url)).status;
  const httpCredentials = { username: "admin", password: settings.token };
  const context = await browser.newContext({ httpCredentials, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.on("pageerror", (error) => result.script_errors.push(String(error)));
  page.on("console", (message) => result.console.push(message.text()));
  result.status = (await page.goto(settings.url)).status();
  result.text = await page.locator("main").innerText();
  result.headings = await page.locator("h2").allInnerTexts();
  await page.screenshot({ path: join(settings.output, "admin.png"), fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  result.overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  await page.screenshot({ path: join(settings.output, "admin-narrow.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.screenshot({ path: join(settings.output, "admin-dark.png"), fullPage: true });
  result.ok = true;
} catch (error) {
  result.ok = false;
  result.error = String(error.stack ?? error);
} finally {
  await browser.close();
  console.log(JSON.stringify(result));
  process.exit(result.ok ? 0 : 1);
}

// A real Chromium with a page that uses /.portcullis/session.js, until its session is over.
//
// Argument: {"app", "output"?, "chromium"?}: the app's origin. The last line on stdout is one JSON
// object; the exit code says whether it went well.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const settings = JSON.parse(process.argv[2]);
const output = settings.output ?? "test-output";
mkdirSync(output, { recursive: true });
const result = { errors: [] };

const browser = await chromium.launch({
  executablePath: settings.chromium ?? process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});

/** A page of the app that uses the script; a policy that forbids inline styles must not hide the bar. */
async function open(context, silent) {
  const page = await context.newPage();
  page.on("pageerror", (error) => result.errors.push(String(error)));
  await page.goto(`${settings.app}/page?tab=1&x=2`);
  await page.evaluate((silent) => {
    window.stream = "connecting";
    const socket = new WebSocket(new URL("/grace/ws", location.href.replace(/^http/, "ws")));
    socket.onopen = () => (window.stream = "open");
    socket.onclose = ({ code, reason }) => (window.stream = { code, reason });
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "default-src 'self'";
    document.head.append(policy);
    window.heard = [];
    for (const what of ["changed", "ending", "ended"]) {
      addEventListener(`portcullis:session-${what}`, (event) => {
        window.heard.push({ what, ...event.detail });
        if (silent) event.preventDefault();
      });
    }
    const script = document.createElement("script");
    script.src = "/.portcullis/session.js";
    script.dataset.warn = "5";
    script.dataset.every = "1";
    document.body.append(script);
  }, silent);
  return page;
}

const bar = (page) =>
  page.evaluate(() => {
    const roots = [...document.body.children].map((child) => child.shadowRoot).filter(Boolean);
    const [line] = roots.map((root) => root.firstElementChild);
    const at = line?.getBoundingClientRect();
    return line && { text: line.innerText, link: line.querySelector("a").href, bottom: innerHeight - at.bottom, width: at.width };
  });

const heard = async (page, what) => {
  await page.waitForFunction((what) => window.heard.some((event) => event.what === what), what, { timeout: 60_000 });
  return page.evaluate(() => window.heard);
};

try {
  const context = await browser.newContext({ viewport: { width: 800, height: 500 } });
  const page = await open(context, false);
  result.at_first = await bar(page);
  await heard(page, "ending");
  result.ending = await bar(page);
  await page.screenshot({ path: join(output, "session-ending.png") });
  result.heard = await heard(page, "ended");
  result.ended = await bar(page);
  result.stream = await page.evaluate(() => window.stream);
  await page.waitForFunction(() => window.stream.code, undefined, { timeout: 60_000 });
  result.stream_ended = await page.evaluate(() => window.stream);
  await page.screenshot({ path: join(output, "session-has-ended.png") });
  await page.locator("a", { hasText: "Sign in again" }).click();
  await page.waitForURL(`${settings.app}/page?tab=1&x=2`);
  result.back = page.url();

  const quiet = await open(context, true);
  await heard(quiet, "ending");
  result.quiet = await bar(quiet);

  let looks = 0;
  await context.route("**/.portcullis/me", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    await route.fulfill({ response, json: looks++ === 0 ? answer : { ...answer, groups: ["other"] } });
  });
  const moved = await open(context, false);
  result.changed = (await heard(moved, "changed")).filter((event) => event.what === "changed");
  result.ok = true;
} catch (error) {
  result.ok = false;
  result.error = String(error.stack ?? error);
} finally {
  await browser.close();
  console.log(JSON.stringify(result));
  process.exit(result.ok ? 0 : 1);
}

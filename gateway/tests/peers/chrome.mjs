// What the scripts that drive a real Chromium through a real app have in common.
//
// Argument: {"url", "provider", "output", "name", "chromium"?}. Screenshots go to "output". The last line
// on stdout is one JSON object with everything that was seen; the exit code says whether it went well.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const settings = JSON.parse(process.argv[2]);
export const PATIENCE = 30_000;
const output = settings.output ?? "test-output";

/** What the browser's console said; shown where a story fails. */
const complaints = [];

/** Runs `story(context, result)` in a new profile, with these switches more, and prints `result`. */
export async function tell(story, switches = []) {
  mkdirSync(output, { recursive: true });
  // A profile on the disk: one in memory only is a private window, whose frames have no storage.
  const folder = mkdtempSync(join(tmpdir(), "portcullis-chromium-"));
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: settings.chromium ?? process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...args, ...switches],
    viewport: { width: 1100, height: 760 },
  });
  context.setDefaultTimeout(PATIENCE);
  context.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  context.on("weberror", (thrown) => complaints.push(`${thrown.error().name}: ${thrown.error().message}`));
  const result = {};
  try {
    await story(context, result);
    result.ok = true;
  } catch (error) {
    result.ok = false;
    result.error = String(error.stack ?? error);
    result.complaints = complaints;
    for (const [number, page] of context.pages().entries()) {
      await shot(page, `failed-${number}`).catch(() => {});
      result[`page_${number}`] = page.url();
      result[`text_${number}`] = await page.innerText("body", { timeout: 1000 }).catch(String);
    }
  } finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
    console.log(JSON.stringify(result));
    process.exit(result.ok ? 0 : 1);
  }
}

export const shot = (page, name) => page.screenshot({ path: join(output, `${settings.name}-${name}.png`) });

/** Lets the provider know the browser as `user`, so that a login needs no form. */
export async function remember(context, user) {
  await context.addCookies([{ name: "user", value: user, url: new URL(settings.provider).origin }]);
}

/** Signs out as people do: our page, its button. */
export async function signOut(context) {
  const page = await context.newPage();
  await page.goto(`${settings.url}/.portcullis/logout`);
  let posted;
  page.on("request", (request) => {
    if (request.method() === "POST") posted ??= Date.now();
  });
  await page.locator("button[type=submit], form button").first().click();
  await page.getByText(/you are signed out/i).first().waitFor();
  const said = { at: posted, url: page.url() };
  await page.close();
  return said;
}

/** All WebSockets of a page, with what they carry and when they close. */
export function sockets(page) {
  const all = [];
  page.on("websocket", (socket) => {
    const seen = { url: socket.url(), sent: [], received: [], binary: 0, closed: null };
    all.push(seen);
    socket.on("framesent", ({ payload }) => seen.sent.push(payload));
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload !== "string") seen.binary += 1;
      seen.received.push(payload);
    });
    socket.on("close", () => (seen.closed = Date.now()));
  });
  return all;
}

/** From `from` to `to`, which two observers have clocked: never less than nothing. */
export const between = (from, to) => Math.max(0, to - from);

/** Waits until `look()` gives something. */
export async function until(what, look, patience = PATIENCE) {
  const begun = Date.now();
  while (Date.now() - begun < patience) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((on) => setTimeout(on, 20));
  }
  throw new Error(`not in time: ${what}`);
}

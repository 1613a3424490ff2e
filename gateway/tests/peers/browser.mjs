// A real Chromium through the demo: log in, chat, watch the answer grow, log out in a second tab and
// see the first one say so.
//
// Argument: {"url", "user", "output"?, "chromium"?}. Screenshots go to "output". The last line on
// stdout is one JSON object with everything that was measured; the exit code says whether it went well.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const settings = JSON.parse(process.argv[2]);
const output = settings.output ?? "test-output";
mkdirSync(output, { recursive: true });

const PATIENCE = 30_000;
const result = { signed_in: false, script_errors: [] };

const browser = await chromium.launch({
  executablePath: settings.chromium ?? process.env.CHROMIUM ?? "/usr/bin/chromium",
  // The sandbox wants rights that a container does not give; the pages are our own.
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});

try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.on("pageerror", (error) => result.script_errors.push(String(error)));
  const shot = (name, of = page) => of.screenshot({ path: join(output, `${name}.png`) });

  await signIn(page, shot);
  await chat(page, shot);
  await cookiesAreOutOfReach(page);
  await signOutElsewhere(context, page, shot);
  await otherLooks(browser, shot);
  result.ok = true;
} catch (error) {
  result.ok = false;
  result.error = String(error.stack ?? error);
  const [context] = browser.contexts();
  for (const [number, page] of (context?.pages() ?? []).entries()) {
    await page.screenshot({ path: join(output, `failed-${number}.png`) }).catch(() => {});
    result[`page_${number}`] = page.url();
  }
} finally {
  await browser.close();
  console.log(JSON.stringify(result));
  process.exit(result.ok ? 0 : 1);
}

async function signIn(page, shot) {
  await page.goto(settings.url);
  await page.locator('input[name="login"]').fill(settings.user);
  await page.locator('input[name="password"]').fill(settings.user);
  await shot("1-login");
  const begun = Date.now();
  await page.locator('input[name="password"]').press("Enter");
  await page.locator("#composer").waitFor();
  result.login_ms = Date.now() - begun;
  await page.locator("#who").filter({ hasText: /\S/ }).waitFor();
  result.who = (await page.locator("#who").innerText()).trim();
  result.signed_in = result.who.toLowerCase().includes(settings.user);
  result.starters = await page.locator("[data-starter]").count();
  await shot("2-signed-in");
}

/** Asks by starter and by typing; notes how often the answer was longer than before. */
async function chat(page, shot) {
  await page.locator("[data-starter]").first().click();
  const first = await watchAnswer(page, 1);
  result.tools = await page.locator("[data-tool]").count();
  await shot("3-starter-answered");
  await page.locator("#composer").fill("Who am I?");
  await page.locator("#composer").press("Enter");
  const second = await watchAnswer(page, 2);
  result.growth_steps = Math.max(first.steps, second.steps);
  result.first_token_ms = second.first_ms;
  result.answer_length = second.text.length;
  result.answer = second.text.slice(0, 400);
  result.token_panel = await page.locator("#token-panel").count();
  await shot("4-chat");
}

/** Waits until the `count`th answer has begun and then has not grown for some seconds. */
async function watchAnswer(page, count) {
  const begun = Date.now();
  const answers = page.locator("#messages [data-role=assistant]");
  let [text, steps, changed, first_ms] = ["", 0, Date.now(), null];
  while (Date.now() - begun < PATIENCE) {
    const now = (await answers.count()) >= count ? (await answers.nth(count - 1).innerText()).trim() : "";
    if (now.length > text.length) {
      first_ms ??= Date.now() - begun;
      [text, changed] = [now, Date.now()];
      steps += 1;
    } else if (text && Date.now() - changed > 4000) {
      return { text, steps, first_ms };
    }
    await page.waitForTimeout(20);
  }
  throw new Error(`answer ${count} did not come to an end: ${JSON.stringify(text)}`);
}

/** A script of the page sees neither cookie nor stored token. */
async function cookiesAreOutOfReach(page) {
  const seen = await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage));
  if (/portcullis|eyJ/.test(seen)) throw new Error(`a script can read ${seen}`);
}

/** The second tab logs out; the first one notices by itself. */
async function signOutElsewhere(context, page, shot) {
  const second = await context.newPage();
  await second.goto(settings.url);
  await second.locator("#composer").waitFor();
  // Clocked in the first tab, by its own clock: no round trip to this script is in the figure.
  await page.evaluate(() => {
    const visible = () => document.querySelector("#session-ended")?.getClientRects().length > 0;
    window.endedAt = new Promise((ended) => {
      const look = setInterval(() => {
        if (visible()) {
          clearInterval(look);
          ended(Date.now());
        }
      }, 5);
    });
  });
  const posted = new Promise((sent) => {
    second.on("request", (request) => {
      if (request.method() === "POST" && request.url().includes("/.portcullis/logout")) sent();
    });
  });
  // From before the click: of the post itself this script hears later than the first tab of the end.
  const begun = Date.now();
  await second.locator("#sign-out").click();
  await Promise.race([posted, timeLimit("the logout form was not posted")]);
  const ended = await Promise.race([
    page.evaluate(() => window.endedAt),
    timeLimit("the first tab did not notice the logout"),
  ]);
  result.logout_to_closed_ms = ended - begun;
  result.session_ended_says = (await page.locator("#session-ended").innerText()).trim();
  await shot("5-session-ended");
  await second.waitForLoadState("load");
  result.signed_out_url = second.url();
  await shot("6-signed-out", second);
}

/** The page on a phone, and in the dark. */
async function otherLooks(browser, shot) {
  const looks = { "7-phone": { viewport: { width: 390, height: 844 } }, "8-dark": { colorScheme: "dark" } };
  for (const [name, options] of Object.entries(looks)) {
    const context = await browser.newContext({ ...options, isMobile: "viewport" in options });
    const page = await context.newPage();
    await page.goto(settings.url);
    await page.locator('input[name="login"]').fill(settings.user);
    await page.locator('input[name="password"]').fill(settings.user);
    await shot(`${name}-login`, page);
    await page.locator('input[name="password"]').press("Enter");
    await page.locator("#composer").waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) throw new Error(`${name}: the page scrolls sideways`);
    await shot(name, page);
    await context.close();
  }
}

function timeLimit(what) {
  return new Promise((_, late) => setTimeout(() => late(new Error(what)), PATIENCE).unref());
}

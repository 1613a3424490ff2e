// A real Chromium in which a page of another site shows the app in a frame, as Teams does. Microsoft's
// library is played by a few lines that hand out a signed token, or open a window.
//
// Argument: {"app", "host", "token", "chromium"?}: the app's origin, the port of the framing page, what
// Teams would give. The last line on stdout is one JSON object; the exit code says whether it went well.
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const settings = JSON.parse(process.argv[2]);
const PATIENCE = 30_000;
const result = {};

const frame = `<!doctype html><title>host</title><iframe id="tab" src="${settings.app}/tab/deep"></iframe>`;
const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(frame));
await new Promise((up) => server.listen(settings.host, "127.0.0.1", up));

const browser = await chromium.launch({
  executablePath: settings.chromium ?? process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});

/** Stands in for Microsoft's library: with a token, or without, so that a window must be opened. */
const library = (token) => `
  window.microsoftTeams = {
    app: { initialize: async () => {} },
    authentication: {
      getAuthToken: async () => { if (!${JSON.stringify(token)}) throw new Error("consent"); return ${JSON.stringify(token)}; },
      authenticate: ({ url }) => new Promise((done) => {
        addEventListener("message", (said) => { if (said.origin === location.origin) done(said.data); });
        open(url, "popup", "width=600,height=640");
      }),
      notifySuccess: (code) => { opener.postMessage(code, location.origin); close(); },
    },
  };`;

async function profile(token) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  await context.route("**/public/teams.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: library(token) }),
  );
  return context;
}

/** Waits until the frame shows the app, which answers with the request as it got it. */
async function app(page, patience = PATIENCE) {
  const begun = Date.now();
  while (Date.now() - begun < patience) {
    for (const frame of page.frames()) {
      if (!frame.url().startsWith(`${settings.app}/tab/`)) continue;
      const text = await frame.evaluate(() => document.body.innerText).catch(() => "");
      if (text.includes('"target"')) return { frame, jwt: JSON.parse(text).headers.find(([name]) => name.toLowerCase() === "x-user-jwt")[1] };
    }
    await page.waitForTimeout(50);
  }
  const texts = await Promise.all(page.frames().map((it) => it.evaluate(() => document.body.innerText).catch(String)));
  throw new Error(`the app did not appear: ${JSON.stringify(texts)}`);
}

/** What the app's scripts can do: post, and open a WebSocket. */
async function use({ frame, jwt }) {
  const posted = await frame.evaluate(async () => (await fetch("/tab/x", { method: "POST" })).status);
  const websocket = await frame.evaluate(
    () =>
      new Promise((done) => {
        const socket = new WebSocket(`ws://${location.host}/tab/ws`);
        socket.onopen = () => socket.send("hello");
        socket.onmessage = (event) => done(event.data);
        socket.onerror = () => done("refused");
      }),
  );
  return { jwt, posted, websocket };
}

try {
  const at = `http://127.0.0.1:${settings.host}/`;
  const silent = await profile(settings.token);
  const page = await silent.newPage();
  await page.goto(at);
  const shown = await app(page);
  result.silent = await use(shown);
  result.readable = await shown.frame.evaluate(() => document.cookie);
  const session = await silent.newCDPSession(page);
  const { cookies } = await session.send("Network.getAllCookies");
  const cookie = cookies.find(({ name }) => name.endsWith("-teams"));
  result.cookie = { name: cookie?.name, partitioned: Boolean(cookie?.partitionKey), same_site: cookie?.sameSite };

  // The same browser, the same app, in a window: by the provider, and nobody asks Teams.
  const window = await silent.newPage();
  await window.goto(`${settings.app}/tab/deep`);
  result.top_level = await use(await app(window));

  const asking = await profile("");
  const asked = await asking.newPage();
  await asked.goto(at);
  const opened = asking.waitForEvent("page", { predicate: (it) => it !== asked });
  await asked.frameLocator("#tab").locator("#sign-in").click();
  const popup = await opened;
  await popup.getByRole("button", { name: "Continue" }).click();
  result.popup = await use(await app(asked));

  // Another origin is no host of tabs.
  const elsewhere = await profile(settings.token);
  const other = await elsewhere.newPage();
  await other.goto(at.replace("127.0.0.1", "localhost"));
  await other.waitForTimeout(1500);
  result.framed_elsewhere = (await app(other, 8_000).catch(() => null)) !== null;
  result.ok = true;
} catch (error) {
  result.ok = false;
  result.error = String(error.stack ?? error);
} finally {
  await browser.close();
  server.close();
  console.log(JSON.stringify(result));
  process.exit(result.ok ? 0 : 1);
}

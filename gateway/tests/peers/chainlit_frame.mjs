// A real Chromium in which a page of another site shows a real Chainlit in a frame, as Teams does, and
// then the same app in a window. Microsoft's library is played by a line that hands out a signed token.
//
// Further arguments: {"host", "token"}: the port of the framing page, what Teams would give.
import { createServer } from "node:http";
import { between, remember, settings, shot, signOut, tell, until } from "./chrome.mjs";
import { ask, carrier, tab } from "./chainlit.mjs";

const library = `window.microsoftTeams = { app: { initialize: async () => {} }, authentication: {
  getAuthToken: async () => ${JSON.stringify(settings.token)} } };`;

const page = `<!doctype html><title>host</title>
  <iframe id="tab" src="${settings.url}/" style="width: 1050px; height: 700px"></iframe>`;
const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(page));
await new Promise((up) => server.listen(settings.host, "127.0.0.1", up));

const story = async (context, result) => {
  await context.route("**/public/teams.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: library }),
  );
  const framed = await tab(context);
  await framed.page.goto(`http://127.0.0.1:${settings.host}/`);
  const frame = await until("the app in its frame", async () => {
    const inside = framed.page.frames().find((it) => it.url().startsWith(settings.url));
    return inside && (await inside.locator("#chat-input").isVisible().catch(() => false)) && inside;
  });
  result.framed = await ask(framed, "in a frame", frame);
  await shot(framed.page, "1-framed");
  // What a script of the page does: HTTP on the same cookies.
  result.user = await frame.evaluate(async () => {
    const answer = await fetch("/user");
    return { status: answer.status, ...(await answer.json()) };
  });
  const session = await context.newCDPSession(framed.page);
  result.unpartitioned = await frame.evaluate(() => {
    document.cookie = "canary=1; Secure; SameSite=None";
    return document.cookie;
  });
  const { cookies } = await session.send("Network.getAllCookies");
  const ours = cookies.filter(({ domain }) => domain === new URL(settings.url).hostname);
  result.cookies = ours.map(({ name, partitionKey, sameSite, secure, httpOnly }) => {
    return { name, partitioned: Boolean(partitionKey), sameSite, secure, httpOnly };
  });

  await remember(context, "engineer");
  const window = await tab(context);
  await window.page.goto(settings.url);
  result.top_level = await ask(window, "in a window");
  await shot(window.page, "2-window");

  // One person, two sessions: leaving in the window ends the tab.
  const sockets = [carrier(framed.sockets), carrier(window.sockets)];
  const { at } = await signOut(context);
  await until("both sockets are closed", () => sockets.every((it) => it.closed));
  result.logout_to_closed_ms = between(at, Math.max(...sockets.map((it) => it.closed)));
  result.framed_after = await frame.evaluate(async () => (await fetch("/project/settings")).status);
  server.close();
};

// Only partitioned cookies in frames of other sites.
await tell(story, ["--test-third-party-cookie-phaseout", "--disable-features=Translate"]);

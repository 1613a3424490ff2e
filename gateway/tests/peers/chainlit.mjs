// A real Chromium with a real Chainlit: people follow each other on one browser, and each is answered by
// name.
import { PATIENCE, between, remember, settings, shot, signOut, sockets, tell, until } from "./chrome.mjs";

/** The WebSocket that the chat is on. */
export const carrier = (all) => all.findLast(({ url, closed }) => url.includes("/ws/socket.io/") && !closed);
const tokens = (frames) => frames.filter((frame) => String(frame).startsWith('42["stream_token"'));

/** A tab whose sockets and polls are watched. */
export async function tab(context) {
  const page = await context.newPage();
  const seen = { page, sockets: sockets(page), polled: 0, errors: [] };
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("response", async (answer) => {
    if (!answer.url().includes("transport=polling")) return;
    const text = await answer.text().catch(() => "");
    if (text.includes("stream_token")) seen.polled += 1;
  });
  return seen;
}

/** Says something once the chat has its WebSocket, in the page or in a frame of it; gives the evidence. */
export async function ask(seen, words, place = seen.page) {
  await place.locator("#chat-input").waitFor();
  // Engine.IO begins with polls; "5" is the client's last word before it has moved to the WebSocket.
  const socket = await until("a WebSocket", () => {
    const open = carrier(seen.sockets);
    return open?.sent.includes("5") && open;
  });
  await place.locator("#chat-input").fill(words);
  await place.locator("#chat-submit:not([disabled])").click();
  const answer = place.locator("[data-step-type=assistant_message]").filter({ hasText: `said: ${words} .` });
  await answer.waitFor();
  return {
    answer: (await answer.innerText()).trim(),
    by_socket: tokens(socket.received).length,
    by_poll: seen.polled,
    cookies_in_script: await place.locator("body").evaluate(() => document.cookie),
  };
}

const person = async (context, user) => {
  await remember(context, user);
  return tab(context);
};

async function enters(seen, how, path = "/") {
  await seen.page.goto(settings.url + path);
  return { how, ...(await ask(seen, how)) };
}

async function story(context, result) {
  result.people = [];
  const first = await person(context, "engineer");
  result.people.push(await enters(first, "came first"));
  await shot(first.page, "1-first");
  const replaced = carrier(first.sockets);

  // No logout: the second person signs in over the first one, whose tab stays open.
  const second = await person(context, "sales");
  result.people.push(await enters(second, "came without a logout", "/.portcullis/login?return_to=%2F"));
  await shot(second.page, "2-second");
  await until("the first one's socket is closed", () => replaced.closed);
  result.left_behind = await stale(first);
  await shot(first.page, "3-left-behind");
  await first.page.close();

  // The session is gone, nobody logged out: what the app keeps in the browser is all that is left.
  await context.clearCookies({ name: /^(__Host-)?portcullis/ });
  const third = await person(context, "engineer");
  result.people.push(await enters(third, "came after the session"));
  await second.page.close();

  // A logout in another tab ends the socket.
  const socket = carrier(third.sockets);
  const { at } = await signOut(context);
  result.logout_to_closed_ms = between(at, await until("the socket is closed", () => socket.closed));
  await shot(third.page, "4-signed-out-elsewhere");
  const refused = await context.request.get(`${settings.url}/user`, { headers: { accept: "application/json" } });
  result.after_logout = refused.status();
  await third.page.close();

  const fourth = await person(context, "sales");
  result.people.push(await enters(fourth, "came after a logout"));
  await ownLogout(context, fourth, result);
  result.app_cookies = (await context.cookies(settings.url)).map(({ name }) => name).sort();
  result.script_errors = fourth.errors;
}

/** What becomes of a tab whose person has been replaced: it tries again by itself, and may say something. */
async function stale(seen) {
  await seen.page.waitForTimeout(3000);
  const input = seen.page.locator("#chat-input");
  if (await input.isVisible()) {
    await input.fill("who am I").catch(() => {});
    await seen.page.locator("#chat-submit:not([disabled])").click({ timeout: 1000 }).catch(() => {});
    await seen.page.waitForTimeout(2000);
  }
  const texts = await seen.page.locator("[data-step-type=assistant_message]").allInnerTexts();
  return texts.filter((text) => text.includes("who am I"));
}

/** The button in Chainlit's own menu. */
async function ownLogout(context, seen, result) {
  const socket = carrier(seen.sockets);
  let posted;
  seen.page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/logout")) posted ??= Date.now();
  });
  await seen.page.locator("#user-nav-button").click();
  await seen.page.getByRole("menuitem", { name: "Logout" }).click();
  await seen.page.getByText(/you are signed out/i).first().waitFor({ timeout: PATIENCE });
  await shot(seen.page, "5-own-logout");
  const closed = await until("the socket is closed", () => socket.closed);
  const me = await context.request.get(`${settings.url}/.portcullis/me`);
  result.own_logout = { url: seen.page.url(), ms: between(posted, closed), me: me.status() };
  // The provider would sign in anybody at once: only the button leads on.
  await remember(context, "engineer");
  await seen.page.goto(settings.url);
  result.own_logout.then = new URL(seen.page.url()).pathname;
  await seen.page.getByText("Sign in again").click();
  result.people.push({ how: "came by the button", ...(await ask(seen, "came by the button")) });
}

if (process.argv[1].endsWith("/chainlit.mjs")) await tell(story);

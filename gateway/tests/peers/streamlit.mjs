// A real Chromium with a real Streamlit: people come by signed links, one after the other on one browser,
// and each is shown by name. Further argument: {"links"}, the queries of three links and whose they are.
import { between, settings, shot, signOut, sockets, tell, until } from "./chrome.mjs";

const carrier = (all) => all.findLast(({ url, closed }) => url.includes("/_stcore/stream") && !closed);

async function tab(context) {
  const page = await context.newPage();
  return { page, sockets: sockets(page) };
}

/** Who the app says it is, and what it answers when something is typed. */
async function look(seen, how) {
  const { page } = seen;
  await page.getByText(/^user: /).waitFor();
  const socket = await until("a WebSocket", () => carrier(seen.sockets));
  const [sent, received] = [socket.sent.length, socket.binary];
  const input = page.locator("[data-testid=stTextInput] input");
  await input.fill(how);
  await input.press("Enter");
  const answer = page.getByText(new RegExp(` said ${how}$`));
  await answer.waitFor();
  return {
    how,
    url: page.url(),
    user: (await page.getByText(/^user: /).innerText()).trim(),
    answer: (await answer.innerText()).trim(),
    sent: socket.sent.length - sent,
    received: socket.binary - received,
    text_frames: socket.received.length - socket.binary,
  };
}

async function enters(seen, how, { query }) {
  await seen.page.goto(`${settings.url}/${query}`);
  // Somebody else is signed in: a link alone does not replace a person.
  const change = seen.page.getByRole("heading", { name: "Change account?" });
  await until("the app or a question", async () => (await change.isVisible()) || seen.sockets.length > 0);
  const asked = await change.isVisible();
  if (asked) {
    await shot(seen.page, "2-change-account");
    await seen.page.locator("button[type=submit]").first().click();
  }
  return { asked, ...(await look(seen, how)) };
}

await tell(async (context, result) => {
  const [one, two, three] = settings.links;
  result.people = [];
  const first = await tab(context);
  result.people.push(await enters(first, "came first", one));
  await shot(first.page, "1-first");

  const second = await tab(context);
  const replaced = carrier(first.sockets);
  result.people.push(await enters(second, "came without a logout", two));
  await shot(second.page, "3-second");
  await until("the first one's socket is closed", () => replaced.closed);
  // It connects again by itself, now as the second person.
  await until("the first tab has a socket again", () => carrier(first.sockets));
  await first.page.waitForTimeout(2000);
  result.left_behind = await look(first, "who am I");
  await shot(first.page, "4-left-behind");
  await first.page.close();

  const socket = carrier(second.sockets);
  const { at } = await signOut(context);
  result.logout_to_closed_ms = between(at, await until("the socket is closed", () => socket.closed));
  const refused = await context.request.get(`${settings.url}/_stcore/host-config`);
  result.after_logout = refused.status();
  await second.page.waitForTimeout(2000);
  await shot(second.page, "5-signed-out-elsewhere");
  await second.page.close();

  const third = await tab(context);
  result.people.push(await enters(third, "came after a logout", three));
  const used = await context.newPage();
  // Of another person: whoever a link signed in is led on by it.
  await used.goto(`${settings.url}/${two.query}`);
  await used.locator("button[type=submit]").first().click();
  const says = used.getByText("This link does not work").first();
  await says.waitFor();
  result.used_link = await says.innerText();
  await shot(used, "6-used-link");
});

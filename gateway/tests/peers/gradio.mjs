// A real Chromium with a real Gradio, which answers by an event stream.
import { remember, settings, shot, signOut, tell, until } from "./chrome.mjs";

async function tab(context) {
  const page = await context.newPage();
  const seen = { page, parts: 0, ended: 0 };
  const session = await context.newCDPSession(page);
  const streams = new Set();
  session.on("Network.responseReceived", ({ requestId, response }) => {
    if (response.mimeType === "text/event-stream") streams.add(requestId);
  });
  session.on("Network.dataReceived", ({ requestId }) => (seen.parts += streams.has(requestId) ? 1 : 0));
  await session.send("Network.enable");
  return seen;
}

async function ask(seen, how) {
  const { page } = seen;
  const before = seen.parts;
  await page.getByLabel("Say").fill(how);
  await page.getByLabel("Say").press("Enter");
  const steps = new Set();
  const answer = await until("the answer", async () => {
    const text = await page.getByLabel("Answer").inputValue();
    steps.add(text);
    return text.includes(`said ${how} .`) && text;
  });
  return { how, answer: answer.trim(), steps: steps.size, parts: seen.parts - before };
}

async function enters(seen, how, path = "/") {
  await seen.page.goto(settings.url + path);
  return ask(seen, how);
}

await tell(async (context, result) => {
  result.people = [];
  await remember(context, "engineer");
  const first = await tab(context);
  result.people.push(await enters(first, "came first"));
  await shot(first.page, "1-first");

  await remember(context, "sales");
  const second = await tab(context);
  result.people.push(await enters(second, "came without a logout", "/.portcullis/login?return_to=%2F"));
  result.people.push(await ask(first, "was left behind"));

  await signOut(context);
  await second.page.getByLabel("Say").fill("nobody");
  const refused = second.page.waitForResponse((answer) => answer.url().includes("/queue/join"));
  await second.page.getByLabel("Say").press("Enter");
  result.after_logout = (await refused).status();
  await shot(second.page, "2-signed-out-elsewhere");

  await remember(context, "engineer");
  const third = await tab(context);
  result.people.push(await enters(third, "came after a logout"));
});

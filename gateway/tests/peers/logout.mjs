// A real Chromium that signs out on all devices, and in which pages frame the front-channel logout.
//
// Argument: that of chrome.mjs. "provider" is the issuer, where everybody is signed in already.
import { chromium } from "playwright-core";
import { settings, shot, tell } from "./chrome.mjs";

const session = async (page) =>
  page.evaluate(async () => (await fetch("/.portcullis/me", { headers: { accept: "application/json" } })).status);

/** A page at `at` that frames the logout of each session that the provider may know. */
async function frames(context, at) {
  const page = await context.newPage();
  await page.goto(`${at}/jwks`);
  await page.evaluate(
    async ({ url, issuer }) => {
      const all = [1, 2, 3, 4].map((number) => {
        const frame = document.createElement("iframe");
        const query = new URLSearchParams({ iss: issuer, sid: `there-${number}` });
        frame.src = `${url}/.portcullis/frontchannel-logout/test?${query}`;
        document.body.append(frame);
        return new Promise((over) => frame.addEventListener("load", over));
      });
      await Promise.all(all);
    },
    { url: settings.url, issuer: settings.provider },
  );
  await page.close();
}

await tell(async (context, result) => {
  const home = await context.newPage();
  await home.goto(`${settings.url}/home`);
  const elsewhere = await chromium.launch({
    executablePath: settings.chromium ?? process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  const other = await elsewhere.newPage();
  await other.goto(`${settings.url}/home`);

  const page = await context.newPage();
  await page.goto(`${settings.url}/.portcullis/logout`);
  await page.setViewportSize({ width: 800, height: 620 });
  await shot(page, "page");
  await page.getByRole("button", { name: "Sign out on all devices" }).click();
  await page.getByText(/you are signed out/i).first().waitFor();
  await page.waitForURL(`${settings.url}/.portcullis/signed-out**`);
  await shot(page, "signed-out");
  result.signed_out = page.url().split("?")[0];
  result.other_device = await session(other);
  await elsewhere.close();

  await home.goto(`${settings.url}/home`);
  // The provider is at another site than the app: a Lax cookie stays behind.
  const provider = new URL(settings.provider);
  await frames(context, provider.origin);
  result.framed_across_sites = await session(home);
  // The same server by the app's own host: a site is a host without its port.
  await frames(context, `http://localhost:${provider.port}`);
  result.framed_on_the_same_site = await session(home);
});

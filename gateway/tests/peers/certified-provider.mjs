// An OpenID provider certified by the OpenID Foundation (npm `oidc-provider`), with the accounts
// `engineer` and `sales`, password = name. Listens on loopback only.
//
// Argument: {"port"?, "client_id", "client_secret", "redirect_uris", "post_logout_redirect_uris",
// "backchannel_logout_uri"?, "backchannel_logout_session_required"?}; instead
// of the secret {"token_endpoint_auth_method": "private_key_jwt", "jwks", ...}. People who are asked for
// the authentication context "mfa" sign in once more for it, by the same form. With {"lifetime": seconds}
// tokens live so long, and there are refresh tokens, each good for one use: who uses one again loses the
// grant. Then GET /test/counts says how often tokens were granted and refused, GET /test/groups/USER/GROUP
// leaves USER that group only, and GET /test/withdraw ends all grants.
// Prints {"listening":"provider","issuer":"http://127.0.0.1:PORT"} once it listens.
import { createServer } from "node:http";
import Provider, { interactionPolicy } from "oidc-provider";

const settings = JSON.parse(process.argv[2]);
const ACCOUNTS = { engineer: ["engineering", "admin"], sales: ["sales"] };

const server = createServer();
await new Promise((listening) => server.listen(settings.port ?? 0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const { base, Check } = interactionPolicy;
const policy = base();
const weaker = new Check("weaker", "a stronger sign-in is asked for", (ctx) => {
  const wanted = (ctx.oidc.params.acr_values ?? "").split(" ").filter(Boolean);
  const met = wanted.length === 0 || wanted.includes(ctx.oidc.acr);
  return met ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
});
policy.get("login").checks.add(weaker);

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      token_endpoint_auth_method: settings.token_endpoint_auth_method ?? "client_secret_basic",
      token_endpoint_auth_signing_alg: settings.token_endpoint_auth_signing_alg,
      jwks: settings.jwks,
      redirect_uris: settings.redirect_uris,
      post_logout_redirect_uris: settings.post_logout_redirect_uris ?? [],
      backchannel_logout_uri: settings.backchannel_logout_uri,
      backchannel_logout_session_required: settings.backchannel_logout_session_required,
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  claims: {
    openid: ["sub"],
    profile: ["name", "preferred_username", "groups"],
    email: ["email", "email_verified"],
  },
  // The gateway reads the ID token; this provider would put profile claims into userinfo only.
  conformIdTokenClaims: false,
  acrValues: ["pwd", "mfa"],
  ...(settings.lifetime && {
    ttl: { AccessToken: settings.lifetime, IdToken: settings.lifetime },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
  }),
  pkce: { required: () => true },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
    revocation: { enabled: true },
  },
  // The gateway is on loopback, where this provider would not send anything by itself.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { policy, url: (_, interaction) => `/login/${interaction.uid}` },
  cookies: { keys: ["only-for-tests"] },
  findAccount: (_, id) =>
    Object.hasOwn(ACCOUNTS, id) && {
      accountId: id,
      claims: () => ({
        sub: id,
        name: id,
        preferred_username: id,
        groups: ACCOUNTS[id],
        email: `${id}@example.com`,
        email_verified: true,
      }),
    },
  // Consent was given when the client was registered.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    if (known) return ctx.oidc.provider.Grant.find(known);
    const grant = new ctx.oidc.provider.Grant({
      clientId: client.clientId,
      accountId: session.accountId,
    });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});

const PAGE = (uid, problem) => `<!doctype html><title>Sign in</title>
<form method="post" action="/login/${encodeURIComponent(uid)}"><p>${problem}</p>
<input name="username" autofocus><input name="password" type="password"><button>Sign in</button></form>`;

async function fields(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

async function login(request, response) {
  const { uid, params } = await provider.interactionDetails(request, response);
  const form = request.method === "POST" ? await fields(request) : new URLSearchParams();
  const user = form.get("username");
  if (user && Object.hasOwn(ACCOUNTS, user) && form.get("password") === user) {
    const acr = (params.acr_values ?? "").split(" ").includes("mfa") ? "mfa" : "pwd";
    const result = { login: { accountId: user, acr } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
  response.setHeader("content-type", "text/html");
  response.end(PAGE(uid, user ? "Wrong name or password." : ""));
}

const counts = { granted: 0, refreshed: 0, refused: 0 };
const grants = new Set();
provider.on("grant.success", (ctx) => {
  counts[ctx.oidc.params.grant_type === "refresh_token" ? "refreshed" : "granted"] += 1;
});
provider.on("grant.error", () => (counts.refused += 1));
provider.on("refresh_token.saved", (token) => grants.add(token.grantId));

async function test(path, response) {
  const [what, user, group] = path.split("/");
  if (what === "groups") ACCOUNTS[user] = [group];
  if (what === "withdraw") {
    for (const grant of grants) await provider.RefreshToken.revokeByGrantId(grant);
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(counts));
}

const rest = provider.callback();
server.on("request", (request, response) => {
  if (request.url.startsWith("/test/")) return test(request.url.slice("/test/".length), response);
  if (!request.url.startsWith("/login/")) return rest(request, response);
  login(request, response).catch((error) => {
    response.statusCode = 400;
    response.end(String(error.message));
  });
});

console.log(JSON.stringify({ listening: "provider", issuer }));

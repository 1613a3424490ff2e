//! `[[routes]]`: what is asked for, who may, and where it goes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{IssuerId, ProviderId, RouteId, UpstreamId};
use crate::config::allow::AllowList;
use crate::config::apps::{ClaimName, TokenForm};
use crate::config::auth::Auth;
use crate::config::duration::Duration;
use crate::config::names::{FieldName, Verb};
use crate::config::origin::Origin;
use crate::config::patterns::{HostPattern, PathPattern};
use crate::config::secret_source::SecretSource;
use crate::config::size::ByteSize;
use crate::config::streams::RouteStreams;
use crate::identity::Fact;
use crate::web::CookiePattern;

/// One route: which requests, how people prove who they are, who may, and where it goes.
///
/// The most specific route serves a request: exact host before wildcard, exact path before the
/// longest prefix, then methods before none. Exactly one of `access` and `allow` must be there: a
/// route that says neither would be open or dead by accident.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The name in logs, metrics and tokens. Default: methods, host and path.
    #[schemars(with = "Option<String>")]
    pub name: Option<RouteId>,
    /// The app that it is for, by the name of its preset: `chainlit-native`, `chainlit-header`,
    /// `streamlit`, `gradio`, `open-webui`, `nvidia-aiq`, `nvidia-nat`, `generic-jwt`, `seed-hs256`,
    /// `oauth2-proxy`, `authelia`, `pomerium`. It gives the route the keys that it does not have itself;
    /// what each sets is at the end of this page. Default none.
    pub preset: Option<String>,
    /// The host: `app.example.com`, `*.example.com`, or `*` for any. Default `*`.
    #[serde(default = "HostPattern::any")]
    pub host: HostPattern,
    /// The path: `/x` for exactly that, `/x/*` for it and everything below. Default `/*`.
    #[serde(default = "PathPattern::every")]
    pub path: PathPattern,
    /// The methods. Default: all; a request with another one is answered with 405.
    #[serde(default)]
    pub methods: Vec<Verb>,
    /// The ways in, in order: `session` (signed in with a provider), `bearer` (an access token of an
    /// issuer), `api_key` (a key that `portcullis api-keys` made), `password` (HTTP Basic, for programs), `signed_url` (a signed link, which becomes a
    /// session), `teams` (a tab in Microsoft Teams), `trusted_headers` (a proxy that has signed people
    /// in), `forward_auth` (the word of an external service), `client_certificate` (a certificate of the
    /// client's, where the host asks for one), `anonymous` (no proof; last in the list,
    /// makes identity optional). The first
    /// credential that is present decides. Default `["session"]`.
    #[serde(default = "auth")]
    pub auth: Vec<Auth>,
    /// The providers and directories that people can sign in with, by id. Default: all of them; with
    /// more than one provider people choose on a page, and with a directory that page has a form.
    /// Directories are asked in the order of this list. A session of a provider or directory that is
    /// not listed does not count here.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub login: Vec<ProviderId>,
    /// The issuers whose access tokens count with `bearer`, by id. Default: all of them.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub issuers: Vec<IssuerId>,
    /// The scopes that an access token or an API key must have here, beside those that a token's issuer
    /// asks for. Default none.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether the upstream sees the client's `Authorization` field although `bearer` or
    /// `password` reads it.
    /// Default false: an app that gets the client's token can use it elsewhere in its name.
    #[serde(default)]
    pub forward_authorization: bool,
    /// Whose signed links open it with `signed_url`, by id. Default: everybody's under `[signed_urls]`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub signed_urls: Vec<ProviderId>,
    /// The service that is asked with `forward_auth`, by id. Default: the only one.
    pub forward_auth: Option<String>,
    /// Who may: `public` for everybody whom a way in accepts, `authenticated` for everybody who is
    /// somebody.
    pub access: Option<Access>,
    /// Who may, by name: users, groups, e-mail domains.
    pub allow: Option<AllowList>,
    /// How people must have signed in here (`acr` of the `id_token` or access token): one of these
    /// authentication contexts, best first. Whoever has not is sent to sign in again, and the provider
    /// is asked for it. Default: however they did. A provider's own `acr_values` do not count then.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// The Conditional Access authentication context of Microsoft Entra that a sign-in must satisfy
    /// here, by its ID: `"c1"` to `"c99"` (`acrs` of the `id_token` or access token). Whoever's does
    /// not is sent to sign in again, and Entra is asked for it (`claims`). Default: none.
    pub authentication_context: Option<String>,
    /// How long ago people may have proven to their provider who they are (`auth_time`), at least 30s;
    /// a minute more is granted, for clocks and the way back. Whoever did longer ago is sent to sign in
    /// again, and open streams end (see `streams`). Default: as long as the session lives. A provider that does not
    /// say when it was cannot be used here.
    pub max_age: Option<Duration>,
    /// The upstream that serves it, by id.
    #[schemars(with = "String")]
    pub upstream: UpstreamId,
    /// The identity token that the upstream receives.
    #[serde(default)]
    pub token: RouteToken,
    /// Whether the upstream sees the `Host` that the client sent. Default true: apps build links
    /// and check origins with it.
    #[serde(default = "yes")]
    pub preserve_host: bool,
    /// Size of a request's body on this route. Default: `server.limits.body_bytes`.
    pub body_bytes: Option<ByteSize>,
    /// Further origins whose pages may open WebSockets here. Default none: only pages of the same
    /// origin. A foreign page could otherwise use a visitor's session.
    #[serde(default)]
    pub websocket_origins: Vec<Origin>,
    /// How live streams end: WebSockets, event streams, and other answers that take longer than a second.
    #[serde(default)]
    pub streams: RouteStreams,
    /// Further header fields to remove from what clients send, where the app trusts a name that the
    /// built-in list of identity headers lacks.
    #[serde(default)]
    pub strip_headers: Vec<FieldName>,
    /// Header fields that tell the app who it is without a token, each by the claim that it says:
    /// `{ X-Auth-Email = "email" }`. The claims are `sub`, `idp`, `user`, `display_name`, `name`,
    /// `preferred_username`, `email` (if the provider verified it), `groups` and `roles` (joined by
    /// commas), and those that a provider keeps. Sent exactly once or, where nothing is known, not at
    /// all; never a client's own, in any spelling. What is not visible ASCII is percent-encoded, `%`
    /// too; a value with control characters is not sent. An anonymous visitor has none. Default none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ClaimName>", title = "table of claims by header name")]
    pub identity_headers: BTreeMap<FieldName, ClaimName>,
    /// Cookies that neither a client sends to the app nor the app to a client: `name`, or `name*` for
    /// all that begin so. That of `token.cookie` is one of them. Default none.
    #[serde(default)]
    pub strip_cookies: Vec<CookiePattern>,
    /// Cookies of the app that say who somebody is: `name`, or `name*`. They are bound to the session in
    /// which the app set them, so that the next person at a browser is never taken for the one before;
    /// they are removed at sign-in and sign-out. One that a page's script sets is not known to be the
    /// session's, and does not reach the app. Default none.
    #[serde(default)]
    pub app_cookies: Vec<CookiePattern>,
    /// Where the app's own sign-out button posts to, below the route's path: `/logout`. A `POST` there
    /// ends the gateway's session too, and the next page is the signed-out page. Default none.
    #[serde(default)]
    pub logout_paths: Vec<PathPattern>,
    /// Pages of the app for signing in, below the route's path: `/login`. Nobody is sent back to one
    /// after a login, but to the route's first page. Default none.
    #[serde(default)]
    pub login_pages: Vec<PathPattern>,
}

/// The identity token of one route.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteToken {
    /// The `aud` claim. Default: the upstream's id. Two apps that must not use each other's tokens
    /// need two audiences.
    pub audience: Option<String>,
    /// Leaves `aud` out. Default false. For apps that refuse a token which has one, such as those
    /// that call `decode` of `PyJWT` without an audience; any app that knows the same key or secret can
    /// then use the token of any other.
    pub without_audience: bool,
    /// The header field that carries it. Default `X-User-JWT`; none where `cookie` is set.
    pub header: Option<FieldName>,
    /// Whether the header field says `Bearer` before it. Default false.
    pub bearer: bool,
    /// The cookie that carries it to the app; nobody else's cookie of this name reaches the app. Default
    /// none.
    pub cookie: Option<CookiePattern>,
    /// A secret that this app shares with the gateway: its tokens are signed with it by HS256, and those
    /// of other routes are not. At least 32 bytes. Default: signed as `[token]` says.
    pub secret: Option<SecretSource>,
    /// Which claims stand where. Default `standard`.
    pub form: TokenForm,
    /// The claim that becomes Chainlit's `identifier`, by which it keeps people's threads. Default `sub`.
    pub identifier: ClaimName,
    /// The claims to include beside the protocol's own (`iss`, `aud`, `sub`, `iat`, `nbf`, `exp`,
    /// `jti`). Default: all.
    pub claims: Option<Vec<String>>,
    /// The most groups to include. Default 100; a token cut short says so in `groups_truncated`.
    pub max_groups: u32,
    /// The largest token. Default 6KiB, so that it fits the 8 KiB header limit of common servers.
    pub max_bytes: ByteSize,
    /// Shows the token to the client in `X-Debug-User-JWT`. Default false: for development, because
    /// scripts on the page can then take it.
    pub debug_header: bool,
    /// Sends no token at all. Default false.
    pub off: bool,
    /// Includes `user` and `display_name`, names that many apps read. Default true.
    pub aliases: bool,
    /// For how long requests of one session share a token, such as `30s`; must be shorter than
    /// `token.lifetime`. Default: not at all, each request has a token of its own. A shared token is
    /// never sent in the second half of its life, and ends with its session. It says nothing of the
    /// single request: `txn`, `rctx` and `tctx` are left out, and `jti` names several requests, so
    /// that an app must not refuse one that it has seen. Where there is no session nothing is shared.
    pub reuse: Option<Duration>,
}

/// Who may, where the route names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everybody who is somebody.
    Authenticated,
    /// Everybody whom a way in accepts, `anonymous` included.
    Public,
}

/// A route's rule, out of `access` and `allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule<'a> {
    /// Whoever is on the list.
    Allow(&'a AllowList),
    /// Everybody who is somebody.
    Authenticated,
    /// Nobody: neither is there. A checked configuration has none of these.
    Nobody,
    /// Everybody whom a way in accepts.
    Public,
}

impl Route {
    /// The route's name: its own, or its pattern.
    pub fn id(&self) -> RouteId {
        self.name.clone().unwrap_or_else(|| RouteId::from(self.pattern().as_str()))
    }

    /// Methods, host and path as one text.
    pub fn pattern(&self) -> String {
        let mut methods: Vec<_> = self.methods.iter().map(Verb::to_string).collect();
        methods.sort_unstable();
        let space = if methods.is_empty() { "" } else { " " };
        format!("{}{space}{}{}", methods.join(","), self.host, self.path)
    }

    /// Who may. Neither or both of `access` and `allow` let nobody through.
    pub fn rule(&self) -> Rule<'_> {
        match (self.access, &self.allow) {
            (Some(Access::Authenticated), None) => Rule::Authenticated,
            (Some(Access::Public), None) => Rule::Public,
            (None, Some(list)) => Rule::Allow(list),
            (None, None) | (Some(_), Some(_)) => Rule::Nobody,
        }
    }

    /// Whether people sign in on it.
    pub fn takes_sessions(&self) -> bool {
        self.auth.contains(&Auth::Session)
    }

    /// Whether it is shown as a tab in Microsoft Teams.
    pub fn takes_teams(&self) -> bool {
        self.auth.contains(&Auth::Teams)
    }

    /// Whether an external service is asked.
    pub fn asks_a_service(&self) -> bool {
        self.auth.contains(&Auth::ForwardAuth)
    }

    /// Whether the client's `Authorization` field is for the gateway and not for the upstream.
    pub fn keeps_authorization(&self) -> bool {
        let reads = |way: &Auth| matches!(way, Auth::Bearer | Auth::Password);
        self.auth.iter().any(reads) && !self.forward_authorization
    }

    /// The header field that carries its token.
    pub fn token_header(&self) -> Option<FieldName> {
        let token = &self.token;
        let default = token.cookie.is_none().then(FieldName::user_jwt);
        token.header.clone().or(default)
    }

    /// The path of the route as the beginning of other paths: without `*` and the last `/`.
    pub fn prefix(&self) -> &str {
        self.path.as_str().trim_end_matches('*').trim_end_matches('/')
    }

    /// The audience of its tokens.
    pub fn audience(&self) -> &str {
        self.token.audience.as_deref().unwrap_or(self.upstream.as_str())
    }
}

impl Default for RouteToken {
    fn default() -> Self {
        Self {
            audience: None,
            without_audience: false,
            header: None,
            bearer: false,
            cookie: None,
            secret: None,
            form: TokenForm::Standard,
            identifier: Fact::Subject.into(),
            claims: None,
            max_groups: 100,
            max_bytes: ByteSize::kib(6),
            debug_header: false,
            off: false,
            aliases: true,
            reuse: None,
        }
    }
}

fn auth() -> Vec<Auth> {
    vec![Auth::Session]
}

const fn yes() -> bool {
    true
}

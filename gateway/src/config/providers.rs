//! `[providers.<id>]`: who vouches for people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::config::allow::{AllowList, Grant};
use crate::config::client_key::ClientKey;
use crate::config::duration::Duration;
use crate::config::github::GithubProvider;
use crate::config::kinds::Entra;
use crate::config::secret_source::SecretSource;

/// An identity provider, by how to speak with it. A `kind` of the file is one of these, or a template
/// that is expanded into OpenID Connect before it is read (`config/kinds`).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Provider {
    /// GitHub's OAuth.
    Github(Box<GithubProvider>),
    /// OpenID Connect.
    Oidc(Box<OidcProvider>),
}

/// An OpenID Connect provider. Register `<public_url>/.portcullis/callback/<id>` with it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcProvider {
    /// The name on the page where people choose a provider. Default: the provider's id.
    pub display_name: Option<String>,
    /// The issuer, byte for byte as the provider writes it into its tokens, a trailing slash
    /// included. Its discovery document is read from below it.
    pub issuer: String,
    /// The id under which the provider knows the gateway.
    pub client_id: String,
    /// The client's secret. Absent for a public client, which PKCE alone protects, and where
    /// `client_key` is used.
    pub client_secret: Option<SecretSource>,
    /// A key of the client's own, instead of a secret (`private_key_jwt`, RFC 7523).
    pub client_key: Option<ClientKey>,
    /// The scopes to ask for; `openid` is always among them. Default openid, profile and email: the
    /// least that gives a name and an address.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// PEM file with the authority that signed the provider's own certificate, where it is a private
    /// one. Relative to this file's directory. Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// How far the provider's clock may be off from ours, at most 60s. Default 30s: time servers do
    /// better. More would let expired tokens in.
    #[serde(default = "leeway")]
    pub leeway: Duration,
    /// The claim of the `id_token` that is the stable name of a person. Default `sub`. At Microsoft
    /// Entra `oid` is the same for all applications; sessions, tokens and `allow` then know people
    /// by it. Never a name or an address: those are given to somebody else one day.
    #[serde(default = "subject")]
    pub subject: String,
    /// Which of the provider's claims hold what.
    #[serde(default)]
    pub claims: ClaimNames,
    /// Claims of the `id_token` that people must have, and the values that each may have; an empty
    /// list takes any value. A claim that is a list must hold one of them. Others may not sign in.
    /// Default none.
    #[serde(default)]
    #[schemars(extend("title" = "table of lists of text"))]
    pub required_claims: BTreeMap<String, Vec<String>>,
    /// Roles that people have beside those in their claims, by who they are. Default none.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Whether people without a verified e-mail address are refused. Default false, because many
    /// providers never say; a route that lists addresses counts verified ones only, in any case.
    #[serde(default)]
    pub require_verified_email: bool,
    /// Who may sign in with this provider at all. Absent: whoever the provider lets in. Set it for
    /// providers at which everybody can open an account.
    pub allow: Option<AllowList>,
    /// Further parameters of the authorization request, such as `{ domain_hint = "example.com" }`.
    /// Those of the protocol itself cannot be set. Default none.
    #[serde(default)]
    #[schemars(extend("title" = "table of text"))]
    pub authorization_params: BTreeMap<String, String>,
    /// Where the discovery document is, without `/.well-known/openid-configuration`. Default: at the
    /// issuer.
    pub discovery: Option<Url>,
    /// Where people sign out, for a provider that does it in a way of its own; wins over its metadata.
    pub logout: Option<LogoutPlace>,
    /// Which front-channel logouts end a session.
    #[serde(default)]
    pub frontchannel_logout: FrontchannelLogout,
    /// Whether the refresh token of a session, or else its access token, is handed back to the provider
    /// when somebody signs out, where the provider says at which place (RFC 7009). Default true: what
    /// nobody uses any more should open nothing.
    #[serde(default = "yes")]
    pub revoke_tokens: bool,
    /// Whether an issuer with plain `http` is taken; only for a loopback host, in any case. Default
    /// false: whoever can listen in could replace the provider.
    #[serde(default)]
    pub insecure_http: bool,
    /// The authentication contexts to ask for (`acr_values`), best first. Default none.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// How long ago people may have authenticated at the provider; older ones must do it again.
    /// Absent: the provider decides.
    pub max_age: Option<Duration>,
    /// What `kind = "entra"` adds; nothing else sets it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub entra: Option<Entra>,
}

/// Which front-channel logouts end a session: requests that the provider's page makes in the browser of
/// whoever signs out there (OpenID Connect Front-Channel Logout 1.0). Back-channel logout needs no
/// browser and is the better one where a provider has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrontchannelLogout {
    /// Those that bring the cookie of the session that they name. Browsers send it where the provider is
    /// on the same site as the app, such as `login.example.com` for `app.example.com`; elsewhere such a
    /// request does nothing. Nobody can sign out somebody else.
    #[default]
    Cookie,
    /// None.
    Off,
    /// Those that name a session by the provider's `sid`, whoever sends them. Works across sites; but
    /// whoever learns a `sid`, which stands in ID tokens and in addresses, can end that session.
    Sid,
}

/// Where people sign out at a provider that does it in its own way.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutPlace {
    /// The address; `client_id` is added to it. Default: the one that the provider's metadata name.
    #[schemars(extend("title" = "text"))]
    pub url: Option<Url>,
    /// The parameter with the way back, such as `logout_uri` or `returnTo`.
    pub return_parameter: String,
}

/// Which of the provider's claims hold what; the stable name is `sub`, unless an issuer's `subject` says
/// otherwise. A dotted path reaches into objects: `realm_access.roles`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// The claim with the name to show.
    pub name: String,
    /// The claim with the login name to show.
    pub preferred_username: String,
    /// The claim with the e-mail address.
    pub email: String,
    /// The claim that says that the address is verified: by `true`, and by nothing else.
    pub email_verified: String,
    /// The claim with the groups: a list, or one string, which is one group. `tenants.*` takes the
    /// names of the members of the object `tenants`.
    pub groups: String,
    /// The claim with the roles: a list, or one string, which is one role.
    pub roles: String,
    /// Further claims to keep; routes can pass them on in the identity token. Default none: what is
    /// not kept can't leak.
    pub keep: Vec<String>,
    /// Further claims to keep under a name of your own: `rename = { team = "org.unit" }`. Default
    /// none.
    #[schemars(extend("title" = "table of text"))]
    pub rename: BTreeMap<String, String>,
    /// Claims that everybody has, with their values: `add = { plan = "gold" }`. They win over claims
    /// of the same name. Default none.
    #[schemars(extend("title" = "table"))]
    pub add: BTreeMap<String, Value>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            name: "name".to_owned(),
            preferred_username: "preferred_username".to_owned(),
            email: "email".to_owned(),
            email_verified: "email_verified".to_owned(),
            groups: "groups".to_owned(),
            roles: "roles".to_owned(),
            keep: Vec::new(),
            rename: BTreeMap::new(),
            add: BTreeMap::new(),
        }
    }
}

impl ClaimNames {
    /// The names of the further claims that people have by it.
    pub fn further(&self) -> impl Iterator<Item = &String> {
        self.keep.iter().chain(self.rename.keys()).chain(self.add.keys())
    }
}

impl Provider {
    /// The name to show on the page where people choose.
    pub fn display_name(&self) -> Option<&str> {
        match self {
            Self::Github(github) => github.display_name.as_deref(),
            Self::Oidc(oidc) => oidc.display_name.as_deref(),
        }
    }

    /// Which of its people's claims hold what.
    pub fn claims(&self) -> &ClaimNames {
        match self {
            Self::Github(github) => &github.claims,
            Self::Oidc(oidc) => &oidc.claims,
        }
    }

    /// Who may sign in.
    pub fn allow(&self) -> Option<&AllowList> {
        match self {
            Self::Github(github) => github.allow.as_ref(),
            Self::Oidc(oidc) => oidc.allow.as_ref(),
        }
    }

    /// Roles by who people are.
    pub fn grants(&self) -> &[Grant] {
        match self {
            Self::Github(github) => &github.grants,
            Self::Oidc(oidc) => &oidc.grants,
        }
    }

    /// Its private CA.
    pub fn ca(&self) -> Option<&PathBuf> {
        match self {
            Self::Github(github) => github.ca.as_ref(),
            Self::Oidc(oidc) => oidc.ca.as_ref(),
        }
    }

    /// The issuer of its people's principals; with `{tenantid}` in it where each tenant has its own.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Github(github) => github.issuer(),
            Self::Oidc(oidc) => &oidc.issuer,
        }
    }
}

impl OidcProvider {
    /// The issuer as a URL. Checked: it is one.
    pub fn issuer_url(&self) -> Option<Url> {
        Url::parse(&self.issuer).ok()
    }
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn subject() -> String {
    "sub".to_owned()
}

const fn yes() -> bool {
    true
}

const fn leeway() -> Duration {
    Duration::from_secs(30)
}

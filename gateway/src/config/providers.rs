//! `[providers.<id>]`: who vouches for people.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::allow::AllowList;
use crate::config::duration::Duration;
use crate::config::secret_source::SecretSource;

/// An identity provider; `kind` says how to speak with it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Provider {
    /// OpenID Connect: authorization code flow with PKCE, state and nonce, always.
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
    /// The client's secret. Absent for a public client, which PKCE alone protects.
    pub client_secret: Option<SecretSource>,
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
    /// Whether people without a verified e-mail address are refused. Default false, because many
    /// providers never say; a route that lists addresses counts verified ones only, in any case.
    #[serde(default)]
    pub require_verified_email: bool,
    /// Who may sign in with this provider at all. Absent: whoever the provider lets in. Set it for
    /// providers at which everybody can open an account.
    pub allow: Option<AllowList>,
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
    /// The claim with the groups: a list, or one string, which is one group.
    pub groups: String,
    /// The claim with the roles: a list, or one string, which is one role.
    pub roles: String,
    /// Further claims to keep; routes can pass them on in the identity token. Default none: what is
    /// not kept can't leak.
    pub keep: Vec<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            name: "name".to_owned(),
            preferred_username: "preferred_username".to_owned(),
            email: "email".to_owned(),
            groups: "groups".to_owned(),
            roles: "roles".to_owned(),
            keep: Vec::new(),
        }
    }
}

impl Provider {
    /// The name to show on the page where people choose.
    pub fn display_name(&self) -> Option<&str> {
        match self {
            Self::Oidc(oidc) => oidc.display_name.as_deref(),
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

const fn leeway() -> Duration {
    Duration::from_secs(30)
}

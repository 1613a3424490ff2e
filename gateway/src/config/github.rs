//! `kind = "github"`: sign-in by GitHub's OAuth, which is not OpenID Connect.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::allow::{AllowList, Grant};
use crate::config::providers::ClaimNames;
use crate::config::secret_source::SecretSource;

/// GitHub: authorization code flow with PKCE and state; who it is comes from GitHub's API. People are
/// known by their number, never by their login, which they can change and others can take. Register
/// `<public_url>/.portcullis/callback/<id>` as the callback URL of an OAuth app.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubProvider {
    /// The name on the page where people choose a provider. Default: the provider's id.
    pub display_name: Option<String>,
    /// The OAuth app's client id.
    pub client_id: String,
    /// The OAuth app's client secret.
    pub client_secret: SecretSource,
    /// Where GitHub is. Default `https://github.com`; the address of an Enterprise Server or of a
    /// `ghe.com` tenant otherwise. It is also the issuer of its people's principals.
    pub url: Option<Url>,
    /// Where its API is. Default: `https://api.github.com`, `https://api.<tenant>.ghe.com`, or
    /// `<url>/api/v3` at an Enterprise Server.
    pub api_url: Option<Url>,
    /// Whether people's organizations and teams are read and become their groups: `org` and
    /// `org/team`. Asks for the scope `read:org`. Default false.
    #[serde(default)]
    pub memberships: bool,
    /// Which members of the API's description of a person hold what. `keep` can name `company`,
    /// `avatar_url` and others. `preferred_username` is the login; the address is the primary one, and
    /// is there only where GitHub has verified it.
    #[serde(default)]
    pub claims: ClaimNames,
    /// Roles that people have, by who they are. Default none.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Whether people without a verified e-mail address are refused. Default false.
    #[serde(default)]
    pub require_verified_email: bool,
    /// Who may sign in with this provider at all. Everybody can open an account at github.com, so that
    /// without it only the routes decide. `users` are numbers, or verified addresses.
    pub allow: Option<AllowList>,
    /// PEM file with the authority that signed an Enterprise Server's certificate, where it is a
    /// private one. Relative to this file's directory. Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// Whether plain `http` is taken; only for a loopback host, in any case. Default false.
    #[serde(default)]
    pub insecure_http: bool,
}

impl GithubProvider {
    /// The issuer of its people's principals.
    pub fn issuer(&self) -> &str {
        self.url.as_ref().map_or("https://github.com", |url| url.as_str().trim_end_matches('/'))
    }

    /// Where its API is, without a slash at the end.
    pub fn api(&self) -> String {
        if let Some(url) = &self.api_url {
            return url.as_str().trim_end_matches('/').to_owned();
        }
        match self.url.as_ref().and_then(Url::host_str).unwrap_or("github.com") {
            "github.com" => "https://api.github.com".to_owned(),
            tenant if tenant.ends_with(".ghe.com") => format!("https://api.{tenant}"),
            _ => format!("{}/api/v3", self.issuer()),
        }
    }
}

//! The whole file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::{IssuerId, ProviderId, UpstreamId};
use crate::config::api_keys::ApiKeys;
use crate::config::audit::Audit;
use crate::config::client_certificates::ClientCertificates;
use crate::config::directories::Directory;
use crate::config::forward_auth::ForwardAuth;
use crate::config::issuers::Issuer;
use crate::config::log::Log;
use crate::config::password::Password;
use crate::config::providers::Provider;
use crate::config::routes::Route;
use crate::config::server::Server;
use crate::config::session::Session;
use crate::config::signed_urls::SignedUrls;
use crate::config::teams::Teams;
use crate::config::token::Token;
use crate::config::trusted_headers::TrustedHeaders;
use crate::config::upstreams::Upstream;

/// One TOML file. Unknown keys are errors; relative paths are relative to the file's directory;
/// secrets are named by where they are kept, never written here.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// Where the gateway listens, what it is called from outside, and whom it believes.
    pub server: Server,
    /// Identity providers, by an id of your choice: lower-case letters, digits and `-`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Provider>")]
    pub providers: BTreeMap<ProviderId, Provider>,
    /// Directories of people with passwords, by an id of your choice: lower-case letters, digits and
    /// `-`. A route's `login` names them like providers.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Directory>")]
    pub directories: BTreeMap<ProviderId, Directory>,
    /// Issuers of access tokens for the way in `bearer`, by an id of your choice: lower-case letters,
    /// digits and `-`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Issuer>")]
    pub issuers: BTreeMap<IssuerId, Issuer>,
    /// Keys of ours for programs, for the way in `api_key`. `portcullis api-keys` makes them.
    #[schemars(default)]
    pub api_keys: ApiKeys,
    /// Who signs links for the way in `signed_url`, by an id of your choice: lower-case letters,
    /// digits and `-`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SignedUrls>")]
    pub signed_urls: BTreeMap<ProviderId, SignedUrls>,
    /// The proxy before the gateway that has signed people in, for the way in `trusted_headers`.
    pub trusted_headers: Option<TrustedHeaders>,
    /// Who signs client certificates, for the way in `client_certificate`, by an id of your choice:
    /// lower-case letters, digits and `-`.
    #[serde(default)]
    pub client_certificates: BTreeMap<String, ClientCertificates>,
    /// External services for the way in `forward_auth`, by an id of your choice: lower-case letters,
    /// digits and `-`.
    #[serde(default)]
    pub forward_auth: BTreeMap<String, ForwardAuth>,
    /// How often a password may be tried.
    #[schemars(default)]
    pub password: Password,
    /// How long a login lasts and where it is kept.
    #[schemars(default)]
    pub session: Session,
    /// The app as a tab in Microsoft Teams, for the way in `teams`.
    pub teams: Option<Teams>,
    /// The identity token that upstreams receive.
    #[schemars(default)]
    pub token: Token,
    /// The apps behind the gateway, by an id of your choice: lower-case letters, digits and `-`.
    #[schemars(with = "BTreeMap<String, Upstream>")]
    pub upstreams: BTreeMap<UpstreamId, Upstream>,
    /// The routes, in any order: the most specific one serves a request.
    pub routes: Vec<Route>,
    /// What is written to standard error, and how.
    #[schemars(default)]
    pub log: Log,
    /// Where the audit events go.
    #[schemars(default)]
    pub audit: Audit,
}

impl Config {
    /// The configuration as an operator may see it: secrets appear by where they are kept.
    pub fn redacted(&self) -> serde_json::Value {
        // Nothing in these types can fail to serialise; `SecretSource` writes its place only.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The service that a route asks: the one it names, or the only one.
    pub fn service_of(&self, route: &Route) -> Option<&ForwardAuth> {
        match &route.forward_auth {
            Some(id) => self.forward_auth.get(id),
            None if self.forward_auth.len() == 1 => self.forward_auth.values().next(),
            None => None,
        }
    }

    /// The issuers whose tokens count on a route: those it names, or all.
    pub fn issuers_of<'a>(
        &'a self,
        route: &'a Route,
    ) -> impl Iterator<Item = (&'a IssuerId, &'a Issuer)> {
        let all = route.issuers.is_empty();
        self.issuers.iter().filter(move |(id, _)| all || route.issuers.contains(id))
    }
}

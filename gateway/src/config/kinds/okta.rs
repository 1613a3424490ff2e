//! `kind = "okta"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::{Domain, Segment};

/// Okta: the organization's own authorization server, or one of yours.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Okta {
    /// The organization's domain, such as `example.okta.com`.
    domain: Domain,
    /// The authorization server, such as `default`. Default: the organization's own, which has the
    /// scope `groups`.
    authorization_server: Option<Segment>,
}

impl Okta {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        match &self.authorization_server {
            Some(server) => to.text("issuer", format!("https://{}/oauth2/{server}", self.domain)),
            None => {
                to.text("issuer", format!("https://{}", self.domain));
                // Servers of one's own refuse scopes that they do not know.
                to.texts("scopes", &["openid", "profile", "email", "groups"]);
            }
        }
        if to.has("client_key") {
            to.below("client_key", "audience", "token_endpoint");
        }
    }
}

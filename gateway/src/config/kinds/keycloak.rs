//! `kind = "keycloak"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::Segment;

/// Keycloak: one realm.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Keycloak {
    /// Where Keycloak is, such as `https://sso.example.com`; with `/auth` where it is set up so.
    url: Url,
    /// The name of the realm, as in the addresses of its pages.
    realm: Segment,
}

impl Keycloak {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        let url = self.url.as_str().trim_end_matches('/');
        to.text("issuer", format!("{url}/realms/{}", self.realm));
        to.below("claims", "roles", "realm_access.roles");
    }
}

//! `kind = "descope"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::{Domain, Segment};

/// Descope as an OpenID provider. A person's tenants become groups.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Descope {
    /// The project's id, such as `P2abc…`.
    project: Segment,
    /// The domain of Descope's API, or your own. Default `api.descope.com`.
    domain: Option<Domain>,
}

impl Descope {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        let domain = self.domain.as_ref().map_or("api.descope.com".to_owned(), Domain::to_string);
        to.text("issuer", format!("https://{domain}/{}", self.project));
        // Without the last one the tokens have neither roles nor tenants.
        to.texts("scopes", &["openid", "profile", "email", "descope.claims"]);
        to.below("claims", "groups", "tenants.*");
        to.below("claims", "roles", "roles");
    }
}

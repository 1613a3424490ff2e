//! `kind = "cognito"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::{Domain, Segment};

/// Amazon Cognito: a user pool.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Cognito {
    /// The pool's id, such as `eu-west-1_Ab12Cd34E`.
    pool: Segment,
    /// The region. Default: what stands before the `_` in the pool's id.
    region: Option<Segment>,
    /// The domain of the pool's sign-in pages, such as `example.auth.eu-west-1.amazoncognito.com`.
    /// Default: for signing out, what the pool's metadata name.
    domain: Option<Domain>,
}

impl Cognito {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        let pool = self.pool.to_string();
        let region = self.region.as_ref().map(Segment::to_string);
        let region =
            region.unwrap_or_else(|| pool.split('_').next().unwrap_or_default().to_owned());
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        to.text("issuer", format!("https://cognito-idp.{region}.amazonaws.com{suffix}/{pool}"));
        to.below("claims", "groups", "cognito:groups");
        to.below("claims", "preferred_username", "cognito:username");
        // Its `end_session_endpoint` knows no `post_logout_redirect_uri`.
        to.below("logout", "return_parameter", "logout_uri");
        if let Some(domain) = &self.domain {
            to.below("logout", "url", format!("https://{domain}/logout"));
        }
    }
}

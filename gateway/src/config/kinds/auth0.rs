//! `kind = "auth0"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::Domain;

/// Auth0. Its issuer ends with a slash, and its own claims are named like addresses.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Auth0 {
    /// The tenant's domain, such as `example.eu.auth0.com`, or your own.
    domain: Domain,
    /// What an Action of yours puts before the claims that it adds: with `https://example.com` groups
    /// are in `https://example.com/groups`, and roles in `https://example.com/roles`. Auth0 sends
    /// neither by itself.
    namespace: Option<String>,
}

impl Auth0 {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        to.text("issuer", format!("https://{}/", self.domain));
        if let Some(namespace) = &self.namespace {
            let namespace = namespace.trim_end_matches('/');
            to.below("claims", "groups", format!("{namespace}/groups"));
            to.below("claims", "roles", format!("{namespace}/roles"));
        }
        // Tenants of before November 2023 name no place in their metadata; all of them have this one.
        to.below("logout", "url", format!("https://{}/v2/logout", self.domain));
        to.below("logout", "return_parameter", "returnTo");
    }
}

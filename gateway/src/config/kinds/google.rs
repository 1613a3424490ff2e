//! `kind = "google"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::Domain;

/// Google. Everybody has an account there: set `hosted_domains` or `allow`. Google sends no groups.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Google {
    /// The Google Workspace domains whose people may sign in (claim `hd`). An address with the domain
    /// does not suffice: whoever is not in the Workspace can have a Google account with one. Default:
    /// everybody who has an account.
    #[serde(default)]
    hosted_domains: Vec<Domain>,
}

impl Google {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        to.text("issuer", "https://accounts.google.com");
        if !self.hosted_domains.is_empty() {
            let domains = self.hosted_domains.iter().map(Domain::to_string);
            to.texts_below("required_claims", "hd", domains);
            // Only for the page where people choose an account; the claim is what counts.
            let hint = match self.hosted_domains.as_slice() {
                [only] => only.to_string(),
                _ => "*".to_owned(),
            };
            to.below("authorization_params", "hd", hint);
        }
    }
}

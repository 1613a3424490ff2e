//! `kind = "gitlab"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::kinds::expansion::Expansion;

/// GitLab: gitlab.com or your own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Gitlab {
    /// Where GitLab is. Default `https://gitlab.com`, where everybody can open an account: set `allow`.
    url: Option<Url>,
}

impl Gitlab {
    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        let url = self.url.as_ref().map_or("https://gitlab.com", |url| url.as_str());
        to.text("issuer", url.trim_end_matches('/'));
        // Those of which a person is a direct member; `groups` of userinfo has the inherited ones too.
        to.below("claims", "groups", "groups_direct");
    }
}

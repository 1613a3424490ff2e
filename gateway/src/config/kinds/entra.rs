//! `kind = "entra"`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::words::Guid;
use crate::config::text::text_setting;

/// Microsoft Entra ID: one tenant, or several. People are known by their object id (`oid`), as in
/// tabs in Teams.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entra {
    /// The tenant's id. For an app registration that takes people of other tenants: `organizations`,
    /// or `common` for personal accounts as well; `tenants` then says whose people may sign in.
    pub tenant: Tenant,
    /// The ids of the tenants whose people may sign in, or `["any"]`, where `tenant` is
    /// `organizations` or `common`. The personal accounts are those of the tenant
    /// `9188040d-6c67-4c5b-b112-36a304b66dad`.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// What happens with a person who is in so many groups (more than 200) that Entra leaves them out
    /// of the token.
    #[serde(default)]
    pub groups_overage: GroupsOverage,
    /// Where Entra is. Default `https://login.microsoftonline.com`; national clouds have others.
    #[serde(default)]
    #[schemars(extend("title" = "text"))]
    pub authority: Option<Url>,
    /// Where Microsoft Graph is. Default `https://graph.microsoft.com`; national clouds have others.
    #[serde(default)]
    #[schemars(extend("title" = "text"))]
    pub graph: Option<Url>,
}

/// What happens with a person in too many groups for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupsOverage {
    /// Microsoft Graph is asked (`/me/transitiveMemberOf`), which takes the permission `User.Read`.
    /// Where it cannot be asked, or the person is in more than 1000 groups, the sign-in is refused.
    #[default]
    Graph,
    /// The sign-in is refused. Nobody is ever let in with groups left out.
    Refuse,
}

/// Whose people an app registration takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// Everybody's, personal accounts included.
    Common,
    /// Those of one tenant.
    One(Guid),
    /// Those of all tenants.
    Organizations,
}

text_setting!(Tenant, "tenant id", "72f988bf-86f1-41af-91ab-2d7cd011db47", "^[0-9a-z-]+$");

/// `issuer` where each tenant has its own.
const OF_EACH: &str = "{tenantid}";

impl Entra {
    /// What stands for all tenants in `tenants`.
    pub const ANY: &'static str = "any";

    /// Whether people of several tenants come.
    pub fn is_shared(&self) -> bool {
        !matches!(self.tenant, Tenant::One(_))
    }

    /// Where Microsoft Graph is, without a slash at the end.
    pub fn graph(&self) -> &str {
        trimmed(self.graph.as_ref(), "https://graph.microsoft.com")
    }

    pub(super) fn fill(&self, to: &mut Expansion<'_, '_>) {
        let authority = trimmed(self.authority.as_ref(), "https://login.microsoftonline.com");
        let own = format!("{authority}/{}/v2.0", self.tenant);
        if self.is_shared() {
            to.text("issuer", format!("{authority}/{OF_EACH}/v2.0"));
            to.text("discovery", own);
        } else {
            to.text("issuer", own);
        }
        to.text("subject", "oid");
        // An optional claim: the owner of the address's domain has verified it.
        to.below("claims", "email_verified", "xms_edov");
        if self.groups_overage == GroupsOverage::Graph {
            to.texts("scopes", &["openid", "profile", "email", "User.Read"]);
        }
        if to.has("client_key") {
            to.below("client_key", "audience", "token_endpoint");
        }
    }
}

fn trimmed<'a>(url: Option<&'a Url>, default: &'a str) -> &'a str {
    url.map_or(default, |url| url.as_str().trim_end_matches('/'))
}

impl FromStr for Tenant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "common" => Ok(Self::Common),
            "organizations" => Ok(Self::Organizations),
            _ => text.parse().map(Self::One),
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Common => f.write_str("common"),
            Self::One(id) => id.fmt(f),
            Self::Organizations => f.write_str("organizations"),
        }
    }
}

//! A list of who may: used by routes and by providers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whoever is on one of the lists may. At least one list must have an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AllowList {
    /// Subjects as the provider names them, or, with an `@`, verified e-mail addresses.
    pub users: Vec<String>,
    /// Group names, compared byte for byte.
    pub groups: Vec<String>,
    /// Domains of verified e-mail addresses, such as `example.com`; sub-domains are not included,
    /// because somebody else may own one.
    pub email_domains: Vec<String>,
    /// On a route with people of several providers, directories or issuers: whose people these are,
    /// by id. Two of them may call different people, or different groups, by one name. Default: those
    /// of all. At a provider everybody is of that provider: leave it out.
    pub from: Vec<String>,
}

/// A role for those on a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The role, as applications read it in `roles`.
    pub role: String,
    /// Who has it: users, groups, e-mail domains. Default: everybody who may sign in.
    pub to: Option<AllowList>,
}

impl AllowList {
    /// Whether it lets nobody through.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.email_domains.is_empty()
    }
}

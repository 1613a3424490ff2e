//! What an operator says of one provider.

use std::time::Duration;

use crate::base::{ProviderId, Secret};
use crate::identity::ClaimMapping;

/// One `OpenID` provider, checked by the configuration.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The key of `[providers.<id>]`.
    pub id: ProviderId,
    /// What the chooser page calls it.
    pub display_name: String,
    /// The issuer, byte for byte as the provider states it.
    pub issuer: String,
    /// Our name at the provider.
    pub client_id: String,
    /// Our secret at the provider; none for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret<String>>,
    /// Scopes to ask for; `openid` is added when it is missing.
    pub scopes: Vec<String>,
    /// How far the provider's clock may be off; more than [`ProviderSettings::MAX_LEEWAY`] counts
    /// as that.
    pub leeway: Duration,
    /// The claim of the `id_token` that is the principal's subject.
    pub subject: String,
    /// Which claims become what.
    pub claims: ClaimMapping,
    /// Refuse people without a verified e-mail address.
    pub require_verified_email: bool,
    /// Who may sign in; empty lists let everybody in whom the provider lets in.
    pub allow: AllowLists,
    /// Ask for one of these authentication contexts, and insist on it.
    pub acr_values: Vec<String>,
    /// Ask for a proof no older than this, and insist on it.
    pub max_age: Option<Duration>,
    /// Allow plain HTTP; an issuer on a loopback host only.
    pub insecure_http: bool,
}

/// Who may sign in. A person on any of the lists may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowLists {
    /// Group names, compared byte for byte.
    pub groups: Vec<String>,
    /// Domains of verified e-mail addresses; sub-domains are not included.
    pub email_domains: Vec<String>,
    /// Subjects, or, with an `@`, verified e-mail addresses.
    pub users: Vec<String>,
}

impl ProviderSettings {
    /// The largest leeway: with more, "expired" means little.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(60);

    /// Settings with every default.
    pub fn new(id: ProviderId, issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            display_name: id.to_string(),
            id,
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            leeway: Duration::from_secs(30),
            subject: "sub".to_owned(),
            claims: ClaimMapping::default(),
            require_verified_email: false,
            allow: AllowLists::default(),
            acr_values: Vec::new(),
            max_age: None,
            insecure_http: false,
        }
    }

    /// The leeway in force.
    pub fn leeway(&self) -> Duration {
        self.leeway.min(Self::MAX_LEEWAY)
    }
}

impl AllowLists {
    /// Whether nobody is listed, and so everybody may.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.email_domains.is_empty() && self.users.is_empty()
    }
}

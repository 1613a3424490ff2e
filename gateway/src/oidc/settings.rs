//! What an operator says of one provider.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::base::{ProviderId, Secret};
use crate::identity::{ClaimMapping, Email, Principal};
use crate::oidc::client_key::ClientKey;
use crate::oidc::github::GithubApi;
use crate::oidc::overage::Overage;
use crate::oidc::tenants::{IssuerName, Tenants};

/// One provider, checked by the configuration.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The key of `[providers.<id>]`.
    pub id: ProviderId,
    /// What the chooser page calls it.
    pub display_name: String,
    /// What is spoken with it.
    pub protocol: Protocol,
    /// The issuer, byte for byte as the provider states it; with [`Tenants::PLACE`] in it where each
    /// tenant has its own.
    pub issuer: String,
    /// Whose people may come, where each tenant has its own issuer.
    pub tenants: Option<Tenants>,
    /// Where the discovery document is, if not at the issuer.
    pub discovery: Option<Url>,
    /// Our name at the provider.
    pub client_id: String,
    /// Our secret at the provider; none for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret<String>>,
    /// Our own key, shown instead of a secret.
    pub client_key: Option<Arc<ClientKey>>,
    /// Further parameters of the authorization request.
    pub authorization_params: Vec<(String, String)>,
    /// Scopes to ask for; `openid` is added when it is missing.
    pub scopes: Vec<String>,
    /// How far the provider's clock may be off; more than [`ProviderSettings::MAX_LEEWAY`] counts
    /// as that.
    pub leeway: Duration,
    /// The claim of the `id_token` that is the principal's subject.
    pub subject: String,
    /// Which claims become what.
    pub claims: ClaimMapping,
    /// Claims of the `id_token` that people must have, with the values that each may have.
    pub required_claims: Vec<(String, Vec<String>)>,
    /// What to do about groups that the provider left out.
    pub overage: Option<Overage>,
    /// Roles that people have by who they are.
    pub grants: Vec<Grant>,
    /// Refuse people without a verified e-mail address.
    pub require_verified_email: bool,
    /// Who may sign in; empty lists let everybody in whom the provider lets in.
    pub allow: AllowLists,
    /// Ask for one of these authentication contexts, and insist on it.
    pub acr_values: Vec<String>,
    /// Ask for a proof no older than this, and insist on it.
    pub max_age: Option<Duration>,
    /// Where people sign out, if the metadata do not say.
    pub logout: Option<LogoutPlace>,
    /// What is heeded of what the provider says through people's browsers.
    pub frontchannel_logout: FrontchannelLogout,
    /// Whether tokens are handed back when their session is signed out of.
    pub revoke_tokens: bool,
    /// Allow plain HTTP; an issuer on a loopback host only.
    pub insecure_http: bool,
}

/// What is spoken with a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// GitHub's OAuth: there is no `id_token`, and its API says who it is.
    Github(GithubApi),
    /// `OpenID` Connect.
    #[default]
    OpenIdConnect,
}

/// Which front-channel logouts end a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrontchannelLogout {
    /// Those that bring the cookie of the session that they name.
    #[default]
    Cookie,
    /// None.
    Off,
    /// Those that name a session, whoever sends them.
    Sid,
}

/// Where people sign out at a provider that does it in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutPlace {
    /// The address, where it is not that of the metadata.
    pub url: Option<Url>,
    /// The parameter with the way back.
    pub return_parameter: String,
}

/// A role for those on the lists; for everybody, where there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: String,
    /// Who has it.
    pub to: Option<AllowLists>,
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
            protocol: Protocol::default(),
            issuer: issuer.into(),
            tenants: None,
            discovery: None,
            client_id: client_id.into(),
            client_secret: None,
            client_key: None,
            authorization_params: Vec::new(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            leeway: Duration::from_secs(30),
            subject: "sub".to_owned(),
            claims: ClaimMapping::default(),
            required_claims: Vec::new(),
            overage: None,
            grants: Vec::new(),
            require_verified_email: false,
            allow: AllowLists::default(),
            acr_values: Vec::new(),
            max_age: None,
            logout: None,
            frontchannel_logout: FrontchannelLogout::default(),
            revoke_tokens: true,
            insecure_http: false,
        }
    }

    /// The issuer, or those of all its tenants.
    pub(super) fn issuer_name(&self) -> IssuerName<'_> {
        IssuerName { written: &self.issuer, tenants: self.tenants.as_ref() }
    }

    /// Whether this provider may speak for whoever has that issuer.
    pub fn vouches_for(&self, issuer: &str) -> bool {
        self.issuer_name().check(issuer, None).is_ok()
    }

    /// Every issuer that this provider speaks for; none where people of any tenant may come.
    pub fn issuers(&self) -> Vec<String> {
        self.issuer_name().all()
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
    /// Whether a person is on one of the lists. Addresses count only where they are verified: another
    /// one is what its owner typed, and opens no door.
    pub(super) fn lists(&self, principal: &Principal) -> bool {
        let email = principal.email.as_ref().filter(|email| email.verified);
        let domain = email.and_then(Email::domain);
        // An entry with an `@` is no subject: where people choose their own, one could be an address.
        let user = |listed: &String| {
            (*listed == principal.subject && !listed.contains('@'))
                || email.is_some_and(|email| {
                    email.domain().is_some() && listed.eq_ignore_ascii_case(&email.address)
                })
        };
        principal.groups.iter().any(|group| self.groups.contains(group))
            || domain.is_some_and(|domain| {
                self.email_domains.iter().any(|listed| listed.eq_ignore_ascii_case(&domain))
            })
            || self.users.iter().any(user)
    }
}

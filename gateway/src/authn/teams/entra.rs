//! Tokens of Microsoft Entra for people in a tab.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::authn::authenticator::RejectReason;
use crate::authn::bearer::{Credential, Denial, IssuerSettings, find};
use crate::base::{Clock, IssuerId, Timestamp};
use crate::crypto::{Unverified, VerifyAlgorithm, numeric_date};
use crate::identity::{ClaimMapping, Principal};
use crate::oidc::{KeySource, groups_left_out};
use crate::web::Request;

/// What an operator says of tabs.
#[derive(Clone, Debug)]
pub struct EntraSettings {
    /// Where Entra is: scheme and host of the provider's issuer.
    pub authority: String,
    /// Whose people may come.
    pub tenants: Tenants,
    /// What a token's `aud` may be.
    pub audiences: Vec<String>,
    /// The scope that the token must have in `scp`.
    pub scope: String,
    /// The applications that may fetch a token.
    pub clients: Vec<String>,
    /// How far Entra's clock may be off.
    pub leeway: Duration,
    /// Which claims become what.
    pub claims: ClaimMapping,
}

/// The tenants whose people may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Everybody's: anybody can have a tenant.
    Any,
    /// These, by id.
    Only(Vec<String>),
}

/// Judges the tokens that tabs send.
#[derive(Debug)]
pub struct EntraTokens {
    settings: EntraSettings,
    keys: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
}

/// Somebody who proved in a tab who they are.
#[derive(Debug)]
pub struct TabSignIn {
    /// Who: the tenant's issuer, and `oid`.
    pub principal: Principal,
    /// When, as far as the token says: its own age where it does not.
    pub auth_time: Timestamp,
    /// Authentication methods, where the token says them.
    pub amr: Vec<String>,
}

/// Why a tab's token begins nothing.
#[derive(Debug)]
pub enum TabRefusal {
    /// There is none, or it is bad: the cause, for the audit log.
    Reject(RejectReason),
    /// Nobody can say just now; the cause is for the log.
    Unavailable(String),
}

/// The issuer of older tokens, whatever the cloud.
const FIRST_ISSUER: &str = "https://sts.windows.net/";

/// One of the two forms that Entra writes tokens in. Which one an application gets is a setting of
/// its registration (`requestedAccessTokenVersion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    V1,
    V2,
}

impl EntraTokens {
    /// A judge of tokens that are signed with one of `keys`.
    pub fn new(settings: EntraSettings, keys: Arc<dyn KeySource>, clock: Arc<dyn Clock>) -> Self {
        Self { settings, keys, clock }
    }

    /// Who sends a request, by the token in its `Authorization` field.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn judge(&self, request: &Request<'_>) -> Result<TabSignIn, TabRefusal> {
        let token = match find(request) {
            Credential::Token(token) => token,
            Credential::Absent => return Err(TabRefusal::Reject(RejectReason::Malformed)),
            Credential::Bad(reason) => return Err(TabRefusal::Reject(reason)),
        };
        self.verify(token).await.map_err(|denial| match denial {
            Denial::Reject(reason) => TabRefusal::Reject(reason),
            Denial::Unavailable(cause) => TabRefusal::Unavailable(cause),
        })
    }

    async fn verify(&self, token: &str) -> Result<TabSignIn, Denial> {
        let token = Unverified::parse(token)?;
        // Only compared: the tenant is one of ours, or of Entra's, before anything else is believed.
        let claimed = token.claimed_issuer().unwrap_or_default().into_owned();
        let (form, tenant) = self.tenant(&claimed).ok_or(RejectReason::Issuer)?;
        let settings = self.expected(&claimed, tenant);
        let (verified, facts) = settings.verify(token, &*self.keys, &*self.clock).await?;
        let claims = verified.claims();
        self.check_delegation(claims, form)?;
        // "No groups" would be a lie. Signing in in a window can have them read.
        if self.settings.claims.groups == "groups" && groups_left_out(claims) {
            return Err(Denial::Reject(RejectReason::Claims));
        }
        // Both forms name one person: the newer issuer stands for the tenant in both.
        let issuer = format!("{}/{tenant}/v2.0", self.settings.authority);
        let principal = self.mapping(form).principal(issuer, facts.subject, claims);
        let now = self.clock.now();
        let said = ["auth_time", "iat"].into_iter().find_map(|name| claims.get(name));
        let auth_time = said.and_then(numeric_date).map_or(now, |said| said.min(now));
        Ok(TabSignIn { principal, auth_time, amr: strings(claims.get("amr")) })
    }

    /// The tenant in an issuer's name, if its people may come.
    fn tenant<'a>(&self, issuer: &'a str) -> Option<(Form, &'a str)> {
        let second = || {
            let rest = issuer.strip_prefix(self.settings.authority.as_str())?;
            Some((Form::V2, rest.strip_prefix('/')?.strip_suffix("/v2.0")?))
        };
        let first = || Some((Form::V1, issuer.strip_prefix(FIRST_ISSUER)?.strip_suffix('/')?));
        let (form, tenant) = second().or_else(first)?;
        let may = match &self.settings.tenants {
            Tenants::Any => is_guid(tenant),
            Tenants::Only(listed) => listed.iter().any(|one| one == tenant),
        };
        may.then_some((form, tenant))
    }

    /// What the machinery of access tokens is to check.
    fn expected(&self, issuer: &str, tenant: &str) -> IssuerSettings {
        IssuerSettings {
            audiences: self.settings.audiences.clone(),
            // Entra signs with nothing else.
            algorithms: vec![VerifyAlgorithm::Rs256],
            typ: vec!["JWT".to_owned()],
            required_claims: vec![("tid".to_owned(), vec![tenant.to_owned()])],
            leeway: self.settings.leeway,
            // Not `sub`, which is another one for each application, and not an address, which is given
            // to somebody else one day.
            subject: "oid".to_owned(),
            ..IssuerSettings::new(IssuerId::from("teams"), issuer, "")
        }
    }

    /// That a person let a known application act for them. An application's own token has no scope;
    /// its `oid` would be that of the application.
    fn check_delegation(
        &self,
        claims: &Map<String, Value>,
        form: Form,
    ) -> Result<(), RejectReason> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("idtyp").is_some_and(|kind| kind != "user") {
            return Err(RejectReason::Type);
        }
        let scopes = text("scp").ok_or(RejectReason::Scope)?;
        if !scopes.split(' ').any(|scope| scope == self.settings.scope) {
            return Err(RejectReason::Scope);
        }
        let (version, client) = match form {
            Form::V1 => ("1.0", "appid"),
            Form::V2 => ("2.0", "azp"),
        };
        if text("ver") != Some(version) {
            return Err(RejectReason::Claims);
        }
        let known = |client: &str| self.settings.clients.iter().any(|listed| listed == client);
        if text(client).is_some_and(known) { Ok(()) } else { Err(RejectReason::Claims) }
    }

    fn mapping(&self, form: Form) -> ClaimMapping {
        let mut mapping = self.settings.claims.clone();
        if form == Form::V1 && mapping.preferred_username == "preferred_username" {
            "unique_name".clone_into(&mut mapping.preferred_username);
        }
        mapping
    }
}

/// A GUID in the one spelling that Entra writes.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;

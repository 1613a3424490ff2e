//! New tokens for old ones (RFC 6749 section 6), and what the provider says of the person, read again.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::base::Secret;
use crate::crypto::numeric_date;
use crate::identity::{Principal, claim};
use crate::oidc::claims;
use crate::oidc::discovery::Metadata;
use crate::oidc::exchange::{ProviderTokens, TokenFault, ask, request};
use crate::oidc::fault::LoginFault;
use crate::oidc::github::GithubApi;
use crate::oidc::id_token::{Expected, IdToken, Nonce, claims_of_kept};
use crate::oidc::provider::Provider;
use crate::oidc::settings::Protocol;
use crate::oidc::userinfo::userinfo;

/// What is known of somebody who signed in earlier.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Who it is.
    pub principal: &'a Principal,
    /// What the provider handed out last.
    pub tokens: &'a ProviderTokens,
}

/// What the token endpoint gave for a refresh token.
#[derive(Debug)]
pub struct Granted {
    /// What to keep, before anything is done with it: a provider that rotates takes the refresh token
    /// of before no longer. The `id_token` in it is the one of before.
    pub tokens: ProviderTokens,
    /// Another `id_token`, of which nothing has been checked yet.
    pub unverified: Option<Secret<String>>,
}

/// What the provider says now.
#[derive(Clone, Debug)]
pub struct Reread {
    /// Who it is: the same person, as they are described today.
    pub principal: Principal,
    /// What to keep.
    pub tokens: ProviderTokens,
}

/// Why somebody's tokens were not refreshed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RefreshFault {
    /// The provider knows the refresh token no longer, or wants to see the person.
    #[error("the provider takes the refresh token no longer: {0}")]
    Rejected(String),
    /// The new tokens are somebody else's.
    #[error("the new tokens are of another person than those of the sign-in")]
    SubjectChanged,
    /// OpenID Connect Core section 12.2: `auth_time` is that of the sign-in.
    #[error("the new id_token's auth_time is later than that of the sign-in")]
    SignedInAnew,
    /// Something that a login could have failed by too.
    #[error(transparent)]
    Login(#[from] LoginFault),
}

/// What follows from a [`RefreshFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshClass {
    /// It is over: the provider, or the settings, do not want the person any more.
    Definitive,
    /// The gateway is not set up as the provider wants it: the operator's to mend, nobody's end.
    Misconfigured,
    /// The provider cannot be asked now.
    Unavailable,
    /// It answered, and nothing can be made of it.
    Unclear,
}

impl RefreshFault {
    /// What follows from it.
    pub const fn class(&self) -> RefreshClass {
        match self {
            Self::Rejected(_) | Self::SubjectChanged | Self::SignedInAnew => {
                RefreshClass::Definitive
            }
            Self::Login(fault) => match fault {
                LoginFault::ClaimRefused(_)
                | LoginFault::EmailUnverified
                | LoginFault::NotAllowed
                | LoginFault::TenantRefused(_)
                | LoginFault::UserinfoSubjectWrong => RefreshClass::Definitive,
                LoginFault::ClientKey(_) | LoginFault::TokenRefused(_) => {
                    RefreshClass::Misconfigured
                }
                LoginFault::Unavailable(_) => RefreshClass::Unavailable,
                _ => RefreshClass::Unclear,
            },
        }
    }
}

/// By these words the token endpoint says that the person themselves must come; Entra's and GitHub's
/// own among them.
const REJECTIONS: [&str; 6] = [
    "invalid_grant",
    "bad_refresh_token",
    "interaction_required",
    "login_required",
    "consent_required",
    "access_denied",
];

impl Provider {
    /// Gets new tokens for those of a session. `None` when there is no refresh token.
    ///
    /// # Errors
    /// Why there are none; see [`RefreshFault::class`].
    pub async fn refresh(&self, known: &ProviderTokens) -> Result<Option<Granted>, RefreshFault> {
        let Some(token) = &known.refresh_token else { return Ok(None) };
        let metadata = self.metadata().await?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose())];
        let chance = (&*self.entropy, self.clock.now());
        let request = request(&self.settings, &metadata, &form, chance)?;
        let fresh = ask(&*self.fetch, request).await.map_err(fault)?;
        if fresh.access_token.is_none() && fresh.id_token.is_none() {
            return Err(LoginFault::TokenAnswerMalformed("it has no token").into());
        }
        let tokens = ProviderTokens {
            id_token: known.id_token.clone(),
            access_token: fresh.access_token,
            // Who gives no other one leaves the old one in force.
            refresh_token: fresh.refresh_token.or_else(|| Some(token.clone())),
            expires_in: fresh.expires_in,
            provider_sid: known.provider_sid.clone(),
            provider_sub: known.provider_sub.clone(),
        };
        Ok(Some(Granted { tokens, unverified: fresh.id_token }))
    }

    /// Verifies what was granted, reads again what the provider says of the person, and judges it as at
    /// a sign-in. Where a provider gives neither another `id_token` nor userinfo, nothing new is known.
    ///
    /// # Errors
    /// The first check that fails; see [`RefreshFault::class`].
    pub async fn reread(&self, granted: Granted, known: Known<'_>) -> Result<Reread, RefreshFault> {
        let reread = match &self.settings.protocol {
            Protocol::Github(api) => self.reread_github(api, granted, known).await?,
            Protocol::OpenIdConnect => self.reread_openid(granted, known).await?,
        };
        if !reread.principal.is_same_as(known.principal) {
            return Err(RefreshFault::SubjectChanged);
        }
        Ok(reread)
    }

    async fn reread_github(
        &self,
        api: &GithubApi,
        granted: Granted,
        known: Known<'_>,
    ) -> Result<Reread, RefreshFault> {
        let tokens = granted.tokens;
        let missing = LoginFault::TokenAnswerMalformed("it has no access_token");
        let token = tokens.access_token.as_ref().ok_or(missing)?;
        let (subject, claims) = api.person(&*self.fetch, token).await?;
        if subject != known.principal.subject {
            return Err(RefreshFault::SubjectChanged);
        }
        let issuer = self.settings.issuer.as_str();
        let principal = claims::principal(&self.settings, (issuer, &subject), &claims)?;
        Ok(Reread { principal, tokens })
    }

    async fn reread_openid(
        &self,
        granted: Granted,
        known: Known<'_>,
    ) -> Result<Reread, RefreshFault> {
        let metadata = self.metadata().await?;
        let Granted { mut tokens, unverified } = granted;
        let kept = known.tokens.id_token.as_ref();
        let kept = kept.map(|token| claims_of_kept(token.expose())).unwrap_or_default();
        let Some(token) = unverified else {
            let principal = self.by_userinfo(&kept, &tokens, (known.principal, &metadata)).await?;
            return Ok(Reread { principal, tokens });
        };
        let id_token = self.verify_refreshed(&token, &tokens, (&kept, &metadata)).await?;
        let before = tokens.provider_sub.as_deref().or_else(|| text(&kept, "sub"));
        if before.is_some_and(|before| before != id_token.subject) {
            return Err(RefreshFault::SubjectChanged);
        }
        let stated =
            kept.get("auth_time").and_then(numeric_date).filter(|_| id_token.auth_time_stated);
        if stated.is_some_and(|stated| id_token.auth_time > stated.after(self.settings.leeway())) {
            return Err(RefreshFault::SignedInAnew);
        }
        claims::require(&self.settings, &id_token.claims)?;
        let principal = self.principal(&id_token, &tokens, &metadata).await?;
        tokens.expires_in = tokens.expires_in.or_else(|| id_token.lasts(self.clock.now()));
        // By which the provider names its session from now on, in a logout too.
        tokens.provider_sid = id_token.sid.or(tokens.provider_sid);
        tokens.provider_sub = Some(id_token.subject);
        tokens.id_token = Some(token);
        Ok(Reread { principal, tokens })
    }

    async fn verify_refreshed(
        &self,
        token: &Secret<String>,
        tokens: &ProviderTokens,
        (kept, metadata): (&Map<String, Value>, &Metadata),
    ) -> Result<IdToken, LoginFault> {
        let expected = Expected {
            issuer: self.settings.issuer_name(),
            client_id: &self.settings.client_id,
            algorithms: &metadata.algorithms(),
            nonce: Nonce::IsIfThere(text(kept, "nonce")),
            access_token: tokens.access_token.as_ref().map(|token| token.expose().as_str()),
            leeway: self.settings.leeway(),
            // Asked for and judged at the sign-in; nobody signs in now.
            max_age: None,
            acr_values: &[],
            authentication_context: None,
            now: self.clock.now(),
        };
        IdToken::verify(token.expose(), &self.keys, &expected).await
    }

    /// The person as userinfo describes them. What it leaves out stays as it was signed at the sign-in:
    /// some providers put groups into the `id_token` only.
    async fn by_userinfo(
        &self,
        kept: &Map<String, Value>,
        tokens: &ProviderTokens,
        (known, metadata): (&Principal, &Metadata),
    ) -> Result<Principal, LoginFault> {
        claims::require(&self.settings, kept)?;
        let subject = tokens.provider_sub.as_deref().or_else(|| text(kept, "sub"));
        let (Some(endpoint), Some(token), Some(subject)) =
            (&metadata.userinfo_endpoint, &tokens.access_token, subject)
        else {
            return self.admit(known.clone());
        };
        let mapping = &self.settings.claims;
        let more = userinfo(&*self.fetch, endpoint, token, subject).await?;
        let mut all = kept.clone();
        // An address keeps the company it came in.
        if claim(&more, &mapping.email).is_some() {
            all.remove(&mapping.email_verified);
        }
        all.extend(more);
        self.add_groups_left_out(kept, &mut all, Some(token)).await?;
        claims::principal(&self.settings, (&known.issuer, &known.subject), &all)
    }
}

fn fault(fault: TokenFault) -> RefreshFault {
    match fault {
        TokenFault::Malformed(what) => LoginFault::TokenAnswerMalformed(what).into(),
        TokenFault::Refused(name) if REJECTIONS.contains(&name.as_str()) => {
            RefreshFault::Rejected(name)
        }
        TokenFault::Refused(name) => LoginFault::TokenRefused(name).into(),
        TokenFault::Unavailable(cause) => LoginFault::Unavailable(cause).into(),
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;

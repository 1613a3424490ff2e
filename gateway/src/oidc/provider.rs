//! One provider, for everybody outside this module.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::{Clock, Entropy, ProviderId, Secret, Timestamp};
use crate::identity::Principal;
use crate::oidc::callback::{CallbackParams, Outcome};
use crate::oidc::claims;
use crate::oidc::discovery::{Discovery, DiscoveryState, Metadata};
use crate::oidc::exchange::{ProviderTokens, exchange};
use crate::oidc::fault::LoginFault;
use crate::oidc::github::GithubApi;
use crate::oidc::id_token::{Expected, IdToken, Nonce};
use crate::oidc::keys::{JwksLocation, RemoteKeys};
use crate::oidc::logout::{logout_url, own_way};
use crate::oidc::logout_token::{self, LogoutFault, LogoutToken};
use crate::oidc::overage;
use crate::oidc::revocation::{RevocationFault, revoke};
use crate::oidc::settings::{Protocol, ProviderSettings};
use crate::oidc::start::{StartLogin, StartedLogin, start};
use crate::oidc::transaction::Transaction;
use crate::oidc::userinfo::userinfo;
use crate::web::Fetch;

pub use refresh::{Granted, Known, RefreshClass, RefreshFault, Reread};

/// A configured provider.
#[derive(Debug)]
pub struct Provider {
    settings: ProviderSettings,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    discovery: Arc<Discovery>,
    keys: RemoteKeys,
}

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct FinishedLogin {
    /// Who it is.
    pub principal: Principal,
    /// What the provider handed out.
    pub tokens: ProviderTokens,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// Whether the provider says when; else it is the moment at which its answer was made.
    pub auth_time_stated: bool,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// Microsoft Entra's authentication contexts.
    pub acrs: Vec<String>,
}

/// Whether people can sign in with the provider, for readiness and the chooser page.
#[derive(Clone, Debug)]
pub struct ProviderStatus {
    /// The provider's metadata.
    pub discovery: DiscoveryState,
    /// Whether there are keys to check tokens with.
    pub keys_ready: bool,
}

/// Time between two refreshes of metadata and keys: how long a withdrawn key is still believed.
const REFRESH: Duration = Duration::from_secs(10 * 60);

/// What a broken key set costs at least, between attempts.
const RETRY: Duration = Duration::from_secs(5);

impl Provider {
    /// A provider; nothing is fetched yet.
    pub fn new(
        settings: ProviderSettings,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let discovery = Arc::new(Discovery::new(&settings, Arc::clone(&fetch), Arc::clone(&clock)));
        let location = JwksLocation::Discovered(Arc::clone(&discovery));
        let keys = RemoteKeys::new(location, Arc::clone(&fetch), Arc::clone(&clock));
        Self { settings, fetch, clock, entropy, discovery, keys }
    }

    /// Its name in the configuration.
    pub const fn id(&self) -> &ProviderId {
        &self.settings.id
    }

    /// Its settings.
    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Begins a login. `seal` turns the transaction into the `state` parameter: sealed, and of
    /// characters that a query may hold.
    ///
    /// # Errors
    /// `Unavailable` when the provider's metadata cannot be fetched.
    pub async fn start(
        &self,
        login: StartLogin<'_>,
        seal: impl FnOnce(&Transaction) -> String,
    ) -> Result<StartedLogin, LoginFault> {
        let metadata = self.discovery.answering().await.map_err(LoginFault::Unavailable)?;
        let chance = (&*self.entropy, self.clock.now());
        Ok(start(&self.settings, &metadata, login, chance, seal))
    }

    /// Finishes a login. The caller has opened `transaction` from the callback's `state`, and has
    /// checked that this browser began it.
    ///
    /// # Errors
    /// The first check that fails. Nothing is sent to the provider before the callback itself is
    /// in order.
    pub async fn finish(
        &self,
        params: &CallbackParams,
        transaction: &Transaction,
    ) -> Result<FinishedLogin, LoginFault> {
        if transaction.provider != self.settings.id {
            return Err(LoginFault::ProviderWrong(transaction.provider.to_string()));
        }
        if !transaction.is_live(self.clock.now()) {
            return Err(LoginFault::TransactionExpired);
        }
        let metadata = self.metadata().await?;
        self.check_response_issuer(params, &metadata)?;
        let code = match &params.outcome {
            Outcome::Code(code) => code,
            Outcome::Error(error) => return Err(LoginFault::ProviderRefused(error.clone())),
        };
        let redeemed = (code, transaction);
        let chance = (&*self.entropy, self.clock.now());
        let mut tokens =
            exchange(&*self.fetch, &self.settings, &metadata, redeemed, chance).await?;
        if let Protocol::Github(api) = &self.settings.protocol {
            return self.github(api, tokens).await;
        }
        let id_token = self.verify(&tokens, &metadata, transaction).await?;
        claims::require(&self.settings, &id_token.claims)?;
        let principal = self.principal(&id_token, &tokens, &metadata).await?;
        tokens.expires_in = tokens.expires_in.or_else(|| id_token.lasts(self.clock.now()));
        tokens.provider_sid = id_token.sid;
        tokens.provider_sub = Some(id_token.subject);
        Ok(FinishedLogin {
            principal,
            tokens,
            auth_time: id_token.auth_time,
            auth_time_stated: id_token.auth_time_stated,
            acr: id_token.acr,
            amr: id_token.amr,
            acrs: id_token.acrs,
        })
    }

    /// Whether somebody who came by another way of the same provider, such as its tab in Teams, could
    /// have signed in here: verified address and `allow`.
    ///
    /// # Errors
    /// `EmailUnverified`, `NotAllowed`.
    pub fn admit(&self, principal: Principal) -> Result<Principal, LoginFault> {
        claims::admit(&self.settings, principal)
    }

    /// Where to send the browser to sign out at the provider too; `None` when the provider has no
    /// such place, or is not known yet.
    pub fn logout_url(
        &self,
        id_token_hint: Option<&Secret<String>>,
        post_logout_redirect_uri: &str,
        state: &str,
    ) -> Option<String> {
        let DiscoveryState::Ready(metadata) = self.discovery.state() else {
            return None;
        };
        let named = metadata.end_session_endpoint.as_ref();
        // What is configured wins: Cognito names an endpoint that does not speak the standard.
        if let Some(place) = &self.settings.logout {
            let endpoint = place.url.as_ref().or(named)?;
            let back = (place.return_parameter.as_str(), post_logout_redirect_uri);
            return Some(own_way(&self.settings, endpoint, back));
        }
        Some(logout_url(&self.settings, named?, id_token_hint, post_logout_redirect_uri, state))
    }

    /// Judges what the provider posted to say that somebody signed out there.
    ///
    /// # Errors
    /// The first check that fails; [`LogoutFault::Unavailable`] where none of them could be made.
    pub async fn logout_token(&self, token: &str) -> Result<LogoutToken, LogoutFault> {
        // One that signs nothing says nothing of the kind.
        if !self.has_keys() {
            return Err(LogoutFault::Issuer);
        }
        let metadata = self.discovery.current().await.map_err(LogoutFault::Unavailable)?;
        let expected = logout_token::Expected {
            issuer: self.settings.issuer_name(),
            client_id: &self.settings.client_id,
            algorithms: &metadata.algorithms(),
            leeway: self.settings.leeway(),
            now: self.clock.now(),
        };
        LogoutToken::verify(token, &self.keys, &expected).await
    }

    /// Whether a front-channel logout names this provider: what stands in `iss` is not proven by it.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.has_keys() && self.settings.vouches_for(issuer)
    }

    /// Whether tokens are handed back here: the provider says where, and the operator does not mind.
    pub fn takes_back(&self) -> bool {
        self.settings.revoke_tokens
            && matches!(self.discovery.state(), DiscoveryState::Ready(metadata)
                if metadata.revocation_endpoint.is_some())
    }

    /// Hands a token back (RFC 7009), so that it opens nothing any more. `hint` is a
    /// `token_type_hint`.
    ///
    /// # Errors
    /// Whatever keeps the provider from saying that it has taken it.
    pub async fn revoke(&self, token: &Secret<String>, hint: &str) -> Result<(), RevocationFault> {
        let metadata = self.discovery.current().await.map_err(RevocationFault::Unavailable)?;
        let chance = (&*self.entropy, self.clock.now());
        revoke(&*self.fetch, &self.settings, &metadata, (token, hint), chance).await
    }

    /// What works right now.
    pub fn status(&self) -> ProviderStatus {
        ProviderStatus {
            discovery: self.discovery.state(),
            keys_ready: !self.has_keys() || self.keys.is_ready(),
        }
    }

    /// Keeps metadata and keys fresh, until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        loop {
            let pause = self.keep_up().await;
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fetches both once; says how long to wait for the next time.
    async fn keep_up(&self) -> Duration {
        if let Err(cause) = self.discovery.refresh().await {
            tracing::warn!(provider = %self.settings.id, %cause, "discovery failed");
            return self.discovery.patience();
        }
        if self.has_keys()
            && let Err(cause) = self.keys.refresh().await
        {
            tracing::warn!(provider = %self.settings.id, %cause, "fetching keys failed");
            return RETRY;
        }
        REFRESH
    }

    /// Whether it signs anything.
    fn has_keys(&self) -> bool {
        self.settings.protocol == Protocol::OpenIdConnect
    }

    async fn github(
        &self,
        api: &GithubApi,
        mut tokens: ProviderTokens,
    ) -> Result<FinishedLogin, LoginFault> {
        let missing = LoginFault::TokenAnswerMalformed("it has no access_token");
        let token = tokens.access_token.as_ref().ok_or(missing)?;
        let (subject, claims) = api.person(&*self.fetch, token).await?;
        tokens.provider_sub = Some(subject.clone());
        let issuer = self.settings.issuer.as_str();
        Ok(FinishedLogin {
            principal: claims::principal(&self.settings, (issuer, &subject), &claims)?,
            tokens,
            auth_time: self.clock.now(),
            auth_time_stated: false,
            acr: None,
            amr: Vec::new(),
            acrs: Vec::new(),
        })
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, LoginFault> {
        self.discovery.current().await.map_err(LoginFault::Unavailable)
    }

    /// RFC 9207: an answer of another provider must not be redeemed here.
    fn check_response_issuer(
        &self,
        params: &CallbackParams,
        metadata: &Metadata,
    ) -> Result<(), LoginFault> {
        match &params.issuer {
            Some(issuer) if self.is_own(issuer) => Ok(()),
            Some(issuer) => {
                Err(LoginFault::ResponseIssuerWrong(issuer.chars().take(200).collect()))
            }
            None if metadata.authorization_response_iss_parameter_supported => {
                Err(LoginFault::ResponseIssuerMissing)
            }
            None => Ok(()),
        }
    }

    fn is_own(&self, issuer: &str) -> bool {
        let name = self.settings.issuer_name();
        let github = || issuer.strip_suffix("/login/oauth") == Some(name.written);
        name.check(issuer, None).is_ok() || (!self.has_keys() && github())
    }

    async fn verify(
        &self,
        tokens: &ProviderTokens,
        metadata: &Metadata,
        transaction: &Transaction,
    ) -> Result<IdToken, LoginFault> {
        let id_token = tokens.id_token.as_ref().ok_or(LoginFault::IdTokenMissing)?;
        let expected = Expected {
            issuer: self.settings.issuer_name(),
            client_id: &self.settings.client_id,
            algorithms: &metadata.algorithms(),
            nonce: Nonce::Is(&transaction.nonce),
            access_token: tokens.access_token.as_ref().map(|token| token.expose().as_str()),
            leeway: self.settings.leeway(),
            max_age: transaction.max_age.map(Duration::from_secs),
            acr_values: &transaction.acr_values,
            authentication_context: transaction.authentication_context.as_deref(),
            now: self.clock.now(),
        };
        IdToken::verify(id_token.expose(), &self.keys, &expected).await
    }

    async fn principal(
        &self,
        id_token: &IdToken,
        tokens: &ProviderTokens,
        metadata: &Metadata,
    ) -> Result<Principal, LoginFault> {
        let mapping = &self.settings.claims;
        let subject = &id_token.subject;
        let more = match (&metadata.userinfo_endpoint, &tokens.access_token) {
            (Some(endpoint), Some(token)) if mapping.lacks_some(&id_token.claims) => {
                Some(userinfo(&*self.fetch, endpoint, token, subject).await?)
            }
            _ => None,
        };
        let subject = id_token.named_by(&self.settings.subject)?;
        let mut all = match more {
            Some(more) => claims::join(mapping, &id_token.claims, more),
            None => id_token.claims.clone(),
        };
        self.add_groups_left_out(&id_token.claims, &mut all, tokens.access_token.as_ref()).await?;
        claims::principal(&self.settings, (&id_token.issuer, &subject), &all)
    }

    /// Fetches the groups that a token says were left out of it.
    async fn add_groups_left_out(
        &self,
        signed: &Map<String, Value>,
        all: &mut Map<String, Value>,
        access_token: Option<&Secret<String>>,
    ) -> Result<(), LoginFault> {
        let groups = &self.settings.claims.groups;
        let left_out = groups == overage::GROUPS && overage::is_there(signed);
        if let Some(remedy) = self.settings.overage.as_ref().filter(|_| left_out) {
            let groups = remedy.groups(&*self.fetch, access_token).await?;
            all.insert(overage::GROUPS.to_owned(), groups);
        }
        Ok(())
    }
}

mod refresh;
#[cfg(test)]
mod tests;

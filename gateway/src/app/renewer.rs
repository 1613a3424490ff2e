//! Asks the providers in force to refresh the tokens of sessions.

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;

use crate::app::reload::Reloader;
use crate::base::{Clock, ProviderId};
use crate::config::Refresh;
use crate::endpoints::{kept, to_keep};
use crate::observe::{Metrics, audit};
use crate::oidc::{self, Known, Provider, RefreshClass, RefreshFault};
use crate::session::{
    Described, FaultClass, Granted, ProviderTokens, RenewalFault, RenewalSettings, Renewed,
    Renewer, Session,
};

/// The providers of whatever configuration is in force.
pub(super) struct Providers {
    pub(super) reloader: Weak<Reloader>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
}

/// When sessions are renewed; `None` where they are not.
pub(super) fn settings(refresh: &Refresh) -> Option<RenewalSettings> {
    refresh.enabled.then(|| RenewalSettings {
        ahead: refresh.ahead.std(),
        every: refresh.every.std(),
        grace: refresh.grace.std(),
        active_within: refresh.active_within.std(),
    })
}

impl Providers {
    fn of(&self, id: &ProviderId) -> Result<Arc<Provider>, RenewalFault> {
        let reloader = self.reloader.upgrade();
        let current = reloader.map(|reloader| reloader.current.load_full());
        let provider = current.as_ref().and_then(|current| {
            current.built.providers.iter().find(|provider| provider.id() == id).map(Arc::clone)
        });
        provider.ok_or_else(|| RenewalFault {
            class: FaultClass::Misconfigured,
            cause: format!("there is no provider `{id}` in the configuration any more"),
        })
    }
}

#[async_trait]
impl Renewer for Providers {
    async fn grant(
        &self,
        session: &Session,
        tokens: &ProviderTokens,
    ) -> Result<Granted, RenewalFault> {
        let provider = self.of(&session.provider)?;
        let granted = provider.refresh(&kept(tokens)).await.map_err(|it| fault(&it))?;
        let granted = granted.ok_or_else(|| RenewalFault {
            class: FaultClass::Unclear,
            cause: "the session has no refresh token any more".to_owned(),
        })?;
        let tokens = to_keep(granted.tokens, self.clock.now());
        Ok(Granted { tokens, unverified: granted.unverified })
    }

    async fn describe(
        &self,
        session: &Session,
        tokens: &ProviderTokens,
        granted: Granted,
    ) -> Result<Described, RenewalFault> {
        let provider = self.of(&session.provider)?;
        let (before, expires) = (kept(tokens), granted.tokens.access_expires);
        let known = Known { principal: &session.principal, tokens: &before };
        let Granted { tokens, unverified } = granted;
        let granted = oidc::Granted { tokens: kept(&tokens), unverified };
        let now = provider.reread(granted, known).await.map_err(|it| fault(&it))?;
        let mut tokens = to_keep(now.tokens, self.clock.now());
        tokens.access_expires = expires.or(tokens.access_expires);
        Ok(Described { principal: now.principal, tokens })
    }

    fn report(&self, session: &Session, outcome: Result<Renewed, &RenewalFault>) {
        let (provider, sid) = (session.provider.as_str(), &*session.sid);
        let who = (session.principal.issuer.as_str(), session.principal.subject.as_str());
        match outcome {
            Ok(renewed) => {
                self.metrics.refresh(provider, "ok");
                audit::refreshed(provider, who, sid, renewed == Renewed::Now(true));
            }
            Err(fault) => {
                let class = fault.class.as_str();
                self.metrics.refresh(provider, class);
                audit::refresh_failed(provider, who, sid, (class, &fault.cause));
            }
        }
    }
}

fn fault(fault: &RefreshFault) -> RenewalFault {
    let class = match fault.class() {
        RefreshClass::Definitive => FaultClass::Definitive,
        RefreshClass::Misconfigured => FaultClass::Misconfigured,
        RefreshClass::Unavailable => FaultClass::Unavailable,
        RefreshClass::Unclear => FaultClass::Unclear,
    };
    RenewalFault { class, cause: fault.to_string() }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Providers")
    }
}

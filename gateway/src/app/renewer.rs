//! Asks the providers in force to refresh the tokens of sessions.

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;

use crate::app::reload::Reloader;
use crate::base::Clock;
use crate::config::Refresh;
use crate::endpoints::{NotTheirs, kept, provider_of, to_keep};
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
    fn of(&self, session: &Session) -> Result<Arc<Provider>, RenewalFault> {
        let current = self.reloader.upgrade().map(|reloader| reloader.current.load_full());
        let providers = current.as_ref().map_or(&[][..], |current| &current.built.providers);
        let theirs = provider_of(providers, &session.provider, &session.principal);
        theirs.cloned().map_err(|it| not_theirs(&it))
    }
}

#[async_trait]
impl Renewer for Providers {
    async fn grant(
        &self,
        session: &Session,
        tokens: &ProviderTokens,
    ) -> Result<Granted, RenewalFault> {
        let provider = self.of(session)?;
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
        let provider = self.of(session)?;
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

/// A provider that left the configuration may come back; another one under its id never becomes the one
/// of the sign-in.
fn not_theirs(cause: &NotTheirs) -> RenewalFault {
    let class = match cause {
        NotTheirs::Gone(_) => FaultClass::Misconfigured,
        NotTheirs::Another(_) => FaultClass::Definitive,
    };
    RenewalFault { class, cause: cause.to_string() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ManualClock, SeededEntropy, Timestamp};
    use crate::identity::Principal;
    use crate::oidc::ProviderSettings;
    use crate::web::ScriptedFetch;

    /// A refresh token goes to whom it came from, or nowhere.
    #[test]
    fn another_provider_under_the_same_id_ends_the_session() {
        let settings = ProviderSettings::new("corp".into(), "https://b.test", "gw");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1)));
        let fetch = Arc::new(ScriptedFetch::default());
        let provider = Provider::new(settings, fetch, clock, Arc::new(SeededEntropy::new(1)));
        let providers = [Arc::new(provider)];
        let class = |id: &str, issuer: &str| {
            let theirs = provider_of(&providers, &id.into(), &Principal::new(issuer, "ann"));
            theirs.map(|it| it.id().to_string()).map_err(|it| not_theirs(&it).class)
        };
        assert_eq!(class("corp", "https://b.test"), Ok("corp".to_owned()));
        assert_eq!(class("corp", "https://a.test"), Err(FaultClass::Definitive));
        assert_eq!(class("home", "https://b.test"), Err(FaultClass::Misconfigured));
    }
}

//! What signing out means beyond the gateway's own sessions: tokens go back to their provider, and the
//! browser forgets.

use std::sync::Arc;
use std::time::Duration;

use crate::base::ProviderId;
use crate::endpoints::service::Endpoints;
use crate::endpoints::tokens::provider_of;
use crate::identity::Principal;
use crate::oidc::Revoker;
use crate::session::{OneTime, ProviderTokens, Session, SessionKey, Whose};
use crate::web::Reply;

/// What signing out needs.
#[derive(Clone, Debug, Default)]
pub struct LogoutParts {
    /// Where the names of logout tokens are used up; `None` where no provider sends any.
    pub used: Option<Arc<dyn OneTime>>,
    /// Hands tokens back.
    pub revoker: Arc<Revoker>,
    /// The value of `Clear-Site-Data`, each type in its quotes; empty where nothing is cleared.
    pub clear_site_data: String,
}

/// How long signing out waits for the provider's tokens: for the hint that spares the person a question
/// there, and for what is handed back.
const PATIENCE: Duration = Duration::from_secs(2);
/// Sessions of one person whose tokens are handed back.
const MOST: usize = 1_024;

impl Endpoints {
    /// What the provider gave for a session that is about to end: with `all`, for those of the same
    /// principal too. As much of it as can be read in time.
    pub(super) async fn given(
        &self,
        session: &Arc<Session>,
        all: bool,
    ) -> Vec<(Arc<Session>, ProviderTokens)> {
        let (sessions, who) = (&self.parts.sessions, &session.principal);
        if !all {
            let tokens = self.given_for(&session.key).await;
            return tokens.map(|tokens| (Arc::clone(session), tokens)).into_iter().collect();
        }
        let whose = Whose::of(&who.issuer, &who.subject);
        match tokio::time::timeout(PATIENCE, sessions.tokens_of_those(&whose, MOST)).await {
            Ok(Ok(given)) => given,
            // Whatever fails here fails again, and is told, where the session ends.
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// Hands back, in the background, what ended sessions had.
    pub(super) fn hand_back(&self, given: Vec<(Arc<Session>, ProviderTokens)>) {
        for (session, tokens) in given {
            self.hand_back_one(&session.provider, &session.principal, tokens);
        }
    }

    /// The same of one session.
    pub(super) fn hand_back_one(&self, id: &ProviderId, who: &Principal, tokens: ProviderTokens) {
        if let Ok(provider) = provider_of(&self.parts.providers, id, who) {
            let (refresh, access) = (tokens.refresh_token, tokens.access_token);
            self.parts.logout.revoker.hand_back(provider, refresh, access);
        }
    }

    /// What the provider gave for one session that is about to end, if it can be read in time.
    pub(super) async fn given_for(&self, session: &SessionKey) -> Option<ProviderTokens> {
        let read = tokio::time::timeout(PATIENCE, self.parts.sessions.tokens(session)).await;
        read.ok().and_then(Result::ok).flatten()
    }

    /// The answer that also makes the browser forget what the configuration says. Only for whoever has
    /// shown that they sign out: browsers heed it for each request to this host, also for a picture
    /// in a page of another site.
    pub(super) fn clearing(&self, reply: Reply) -> Reply {
        match self.parts.logout.clear_site_data.as_str() {
            "" => reply,
            kinds => reply.with("clear-site-data", kinds),
        }
    }
}

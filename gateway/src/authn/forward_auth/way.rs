//! The way in of one route.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::authn::forward_auth::answer::{self, Said};
use crate::authn::forward_auth::question::{Question, Unasked};
use crate::authn::forward_auth::settings::ForwardAuthSettings;
use crate::base::{Clock, Timestamp};
use crate::identity::{Authenticated, WayIn};
use crate::web::{Fetch, Request};

/// Questions at once. A flood of requests must not become a flood at the service.
const AT_ONCE: usize = 64;
/// Answers remembered: a few kilobytes each.
const REMEMBERED: usize = 10_000;

/// Asks an external service about each request.
#[derive(Debug)]
pub struct ForwardAuth {
    settings: ForwardAuthSettings,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    room: Semaphore,
    known: Cache<[u8; 32], Known>,
}

/// A yes, and until when it counts.
#[derive(Clone, Debug)]
struct Known {
    proof: Authenticated,
    from: Timestamp,
    until: Timestamp,
}

impl ForwardAuth {
    /// Asks by `fetch`, whose limits are those of one exchange.
    pub fn new(
        settings: ForwardAuthSettings,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let known = Cache::new(REMEMBERED);
        Self { settings, fetch, clock, room: Semaphore::new(AT_ONCE), known }
    }

    fn known(&self, fingerprint: &[u8; 32]) -> Option<Authenticated> {
        let now = self.clock.now();
        let known = self.known.get(fingerprint)?;
        if known.from <= now && now < known.until {
            return Some(known.proof);
        }
        self.known.remove(fingerprint);
        None
    }

    async fn ask(&self, question: Question, fingerprint: [u8; 32]) -> Result<Outcome, String> {
        let presented = question.presented;
        let request = question.request(&self.settings.url)?;
        let asking = async {
            let _room = self.room.acquire().await.map_err(|cause| cause.to_string())?;
            self.fetch.send(request).await.map_err(|fault| fault.to_string())
        };
        let limit = self.settings.timeout;
        let answer = tokio::time::timeout(limit, asking).await;
        let answer = answer.map_err(|_| format!("no answer within {limit:?}"))??;
        let said = answer::read(answer.status(), answer.headers(), &self.settings)?;
        let yes = match said {
            Said::Yes(yes) => yes,
            // Nothing was shown, so nothing was refused: the next way in may look.
            Said::No(RejectReason::Unknown) if !presented => return Ok(Outcome::Absent),
            Said::No(reason) => return Ok(Outcome::Reject(reason)),
        };
        let now = self.clock.now();
        if yes.expires.is_some_and(|expires| expires <= now) {
            return Err("the service vouches with a token that has expired".to_owned());
        }
        let proof = Authenticated::assertion(Arc::new(yes.principal), WayIn::ForwardAuth, None);
        let proof = proof.passing(yes.passed);
        let proof = match yes.expires {
            Some(expires) => proof.until(expires),
            None => proof,
        };
        if self.settings.cache > Duration::ZERO {
            let until = now.after(self.settings.cache);
            let until = yes.expires.map_or(until, |expires| until.min(expires));
            self.known.insert(fingerprint, Known { proof: proof.clone(), from: now, until });
        }
        Ok(Outcome::Accept(proof))
    }
}

#[async_trait]
impl Authenticator for ForwardAuth {
    fn way_in(&self) -> WayIn {
        WayIn::ForwardAuth
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        let question = match Question::about(request, &self.settings) {
            Ok(question) => question,
            Err(Unasked::Reject(reason)) => return Outcome::Reject(reason),
            Err(Unasked::Circle) => return unavailable("too many gateways ask each other".into()),
        };
        if !question.presented && !self.settings.always {
            return Outcome::Absent;
        }
        let fingerprint = question.fingerprint();
        if let Some(proof) = self.known(&fingerprint) {
            return Outcome::Accept(proof);
        }
        match self.ask(question, fingerprint).await {
            Ok(outcome) => outcome,
            Err(cause) => unavailable(cause),
        }
    }
}

fn unavailable(cause: String) -> Outcome {
    Outcome::Unavailable(Unavailable {
        dependency: "the forward_auth service",
        cause: cause.into(),
    })
}

#[cfg(test)]
mod tests;

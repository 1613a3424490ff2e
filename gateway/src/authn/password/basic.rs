//! HTTP Basic, for programs: a name and a password with each request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use http::Method;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason};
use crate::authn::password::credential::{self, Credential};
use crate::authn::password::desk::{PasswordDesk, Said};
use crate::authn::session::is_private;
use crate::base::{Clock, Entropy, ProviderId, Secret, Timestamp};
use crate::identity::{Authenticated, Principal, WayIn};
use crate::web::{Request, origin};

/// Takes names and passwords of some directories.
pub struct Basic {
    desk: Arc<PasswordDesk>,
    among: Box<[ProviderId]>,
    /// Whether a refusal asks for it: browsers would show a dialog of their own.
    asks: bool,
    known: Cache<Fingerprint, (Timestamp, Arc<Principal>)>,
    key: hmac::Key,
    turns: [Mutex<()>; TURNS],
    clock: Arc<dyn Clock>,
}

type Fingerprint = [u8; 32];

/// How long a pair that was good counts without being judged again. So long may somebody go on who
/// was switched off.
const REMEMBERED: Duration = Duration::from_secs(30);
const PAIRS: usize = 1024;
/// Enough that two pairs rarely wait for each other.
const TURNS: usize = 32;

impl Basic {
    /// The way in by accounts of `among`, tried in that order. `asks` is for routes on which nobody
    /// signs in with a browser.
    pub fn new(
        desk: Arc<PasswordDesk>,
        among: impl Into<Box<[ProviderId]>>,
        asks: bool,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &entropy.bytes::<32>());
        let turns = std::array::from_fn(|_| Mutex::default());
        Self { desk, among: among.into(), asks, known: Cache::new(PAIRS), key, turns, clock }
    }

    /// Of both, with their lengths: no letter can move from the one to the other.
    fn fingerprint(&self, name: &str, password: &Secret<String>) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [name.as_bytes(), password.expose().as_bytes()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn known(&self, pair: &Fingerprint) -> Option<Outcome> {
        let (since, principal) = self.known.get(pair)?;
        (self.clock.now().since(since) < REMEMBERED).then(|| accept(principal))
    }

    async fn judge(&self, request: &Request<'_>, name: &str, password: &Secret<String>) -> Outcome {
        let pair = self.fingerprint(name, password);
        // One at a time: a page with a dozen requests is one login, and one try.
        let turn = self.turns.get(usize::from(pair[0]) % TURNS);
        let _turn = match turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        if let Some(outcome) = self.known(&pair) {
            return outcome;
        }
        match self.desk.judge(&self.among, request.client, name, password).await {
            Said::Accept(_, principal) => {
                self.known.insert(pair, (self.clock.now(), Arc::clone(&principal)));
                accept(principal)
            }
            Said::Reject(reason) => Outcome::Reject(reason),
            Said::TooMany(_) => Outcome::Reject(RejectReason::TooMany),
            Said::Unavailable(cause) => Outcome::Unavailable(cause),
        }
    }
}

/// Why a pair is not even looked at: it came over the open wire, or a page of another site made the
/// browser send what it remembers.
fn misplaced(request: &Request<'_>) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method);
    let (headers, authority) = (request.headers, request.authority);
    let foreign =
        !reads && origin::check_state_change(headers, request.scheme, authority, &[]).is_err();
    foreign || !is_private(request.scheme, request.host)
}

fn accept(principal: Arc<Principal>) -> Outcome {
    Outcome::Accept(Authenticated::assertion(principal, WayIn::Password, None))
}

#[async_trait]
impl Authenticator for Basic {
    fn way_in(&self) -> WayIn {
        WayIn::Password
    }

    fn challenge(&self) -> Option<&str> {
        self.asks.then_some("Basic realm=\"portcullis\", charset=\"UTF-8\"")
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        match credential::find(request) {
            Credential::Absent => Outcome::Absent,
            Credential::Bad(reason) => Outcome::Reject(reason),
            Credential::Pair(..) if misplaced(request) => Outcome::Reject(RejectReason::Misplaced),
            Credential::Pair(name, password) => self.judge(request, &name, &password).await,
        }
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        match credential::find(request) {
            Credential::Absent => Some(Outcome::Absent),
            Credential::Bad(reason) => Some(Outcome::Reject(reason)),
            Credential::Pair(..) if misplaced(request) => {
                Some(Outcome::Reject(RejectReason::Misplaced))
            }
            Credential::Pair(name, password) => self.known(&self.fingerprint(&name, &password)),
        }
    }
}

impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Basic").field("among", &self.among).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

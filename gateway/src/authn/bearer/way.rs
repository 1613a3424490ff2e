//! The way in of one route.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::authn::bearer::accepted::{Accepted, Fingerprint};
use crate::authn::bearer::credential::{self, Credential};
use crate::authn::bearer::issuer::{Denial, Issuer};
use crate::crypto::Unverified;
use crate::identity::{Authenticated, WayIn};
use crate::web::Request;

/// Takes access tokens of some issuers, with the scopes that a route wants.
#[derive(Clone, Debug)]
pub struct Bearer {
    takes: Arc<[Takes]>,
    challenge: Arc<str>,
    /// Whether any of the issuers does, so that looking is worth while.
    remembers: bool,
    /// Whether any of them signs with a secret.
    secrets: bool,
}

/// One issuer, and all scopes that its tokens must have here.
#[derive(Debug)]
struct Takes {
    issuer: Arc<Issuer>,
    scopes: Box<[String]>,
}

impl Bearer {
    /// The way in by tokens of `issuers` that have all of `scopes`, beside what each issuer's own
    /// settings ask for.
    pub fn new(issuers: impl IntoIterator<Item = Arc<Issuer>>, scopes: &[String]) -> Self {
        let takes: Arc<[Takes]> = issuers
            .into_iter()
            .map(|issuer| {
                let own = issuer.settings().scopes.iter();
                let more = scopes.iter().filter(|scope| !issuer.settings().scopes.contains(scope));
                let scopes = own.chain(more).cloned().collect();
                Takes { issuer, scopes }
            })
            .collect();
        let challenge = challenge(&takes);
        let remembers = takes.iter().any(|takes| takes.issuer.remembers());
        let secrets = takes.iter().any(|takes| takes.issuer.has_secret());
        Self { takes, challenge, remembers, secrets }
    }

    /// Judges a token that was verified before: no I/O, no wait, nothing allocated. `None` where it
    /// has to be verified.
    fn known(&self, token: &Fingerprint) -> Option<Outcome> {
        self.takes.iter().find_map(|takes| {
            let known = takes.issuer.known(token, takes.issuer.now())?;
            Some(takes.admit(&known))
        })
    }

    /// Judges a signed token with keys that are in memory: no I/O, no wait. `None` where something has
    /// to be fetched, or somebody asked.
    fn judge_now(&self, text: &str) -> Option<Outcome> {
        // The digest of what nobody remembers is of no use.
        let fingerprint = self.remembers.then(|| Fingerprint::of(text));
        if let Some(known) = fingerprint.as_ref().and_then(|token| self.known(token)) {
            return Some(known);
        }
        let token = Unverified::parse(text).ok()?;
        let Some(takes) = self.whose(&token) else {
            return Some(Outcome::Reject(RejectReason::Issuer));
        };
        Some(match takes.issuer.verify_now(token)? {
            Ok(accepted) => {
                if let Some(token) = fingerprint {
                    takes.issuer.remember(token, &accepted);
                }
                takes.admit(&accepted)
            }
            Err(denial) => denial.into(),
        })
    }

    async fn judge(&self, token: &str, fingerprint: &Fingerprint) -> Outcome {
        let parsed = match self.secrets {
            true => Unverified::parse_shared_too(token),
            false => Unverified::parse(token),
        };
        let judged = match parsed {
            Ok(unverified) => self.signed(token, unverified, fingerprint).await,
            // What cannot be read is for whoever gave it out to judge, where there is somebody.
            Err(fault) => match self.takes.iter().find(|takes| takes.issuer.is_asked()) {
                Some(takes) => takes.ask(token, fingerprint).await,
                None => Err(Denial::from(fault)),
            },
        };
        judged.unwrap_or_else(Outcome::from)
    }

    /// Whom a token claims to be of chooses whose keys, or whose word, it is held against; nobody else
    /// is asked, and nothing is fetched for a stranger's.
    fn whose(&self, token: &Unverified<'_>) -> Option<&Takes> {
        match token.claimed_issuer() {
            Some(name) => self.takes.iter().find(|takes| takes.issuer.settings().issuer == *name),
            None => self.takes.iter().find(|takes| takes.issuer.is_asked()),
        }
    }

    /// A token in the form of a JWS.
    async fn signed(
        &self,
        text: &str,
        token: Unverified<'_>,
        fingerprint: &Fingerprint,
    ) -> Result<Outcome, Denial> {
        let takes = self.whose(&token).ok_or(RejectReason::Issuer)?;
        if takes.issuer.is_asked() {
            return takes.ask(text, fingerprint).await;
        }
        let accepted = takes.issuer.verify(token).await?;
        takes.issuer.remember(*fingerprint, &accepted);
        Ok(takes.admit(&accepted))
    }
}

impl Takes {
    async fn ask(&self, token: &str, fingerprint: &Fingerprint) -> Result<Outcome, Denial> {
        Ok(self.admit(&*self.issuer.ask(token, fingerprint).await?))
    }

    /// What the route wants of a good token. Judged each time: what is remembered is the token, and
    /// another route may want more of it.
    fn admit(&self, token: &Accepted) -> Outcome {
        if !self.scopes.iter().all(|wanted| token.scopes.contains(wanted)) {
            return Outcome::Reject(RejectReason::Scope);
        }
        let principal = Arc::clone(&token.principal);
        let proof = Authenticated::assertion(principal, WayIn::Bearer, None)
            .shown(Arc::clone(&token.strength));
        Outcome::Accept(match token.expires {
            // In its leeway: by the issuer's clock it may still be good so long.
            Some(end) if end <= self.issuer.now() => {
                proof.until(end.after(self.issuer.settings().leeway))
            }
            Some(end) => proof.until(end),
            None => proof,
        })
    }
}

#[async_trait]
impl Authenticator for Bearer {
    fn way_in(&self) -> WayIn {
        WayIn::Bearer
    }

    fn challenge(&self) -> Option<&str> {
        Some(&self.challenge)
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        match credential::find(request) {
            Credential::Absent => Outcome::Absent,
            Credential::Bad(reason) => Outcome::Reject(reason),
            Credential::Token(token) => {
                let fingerprint = Fingerprint::of(token);
                match self.known(&fingerprint) {
                    Some(outcome) => outcome,
                    None => self.judge(token, &fingerprint).await,
                }
            }
        }
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        match credential::find(request) {
            Credential::Absent => Some(Outcome::Absent),
            Credential::Bad(reason) => Some(Outcome::Reject(reason)),
            Credential::Token(token) => self.judge_now(token),
        }
    }
}

impl From<Denial> for Outcome {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Reject(reason) => Self::Reject(reason),
            Denial::Unavailable(cause) => Self::Unavailable(Unavailable {
                dependency: "the issuer of the access token",
                cause: cause.into(),
            }),
        }
    }
}

/// RFC 6750 section 3. Everything that any of the issuers asks for, so that a client asks once.
fn challenge(takes: &[Takes]) -> Arc<str> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in takes.iter().flat_map(|takes| &takes.scopes) {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return "Bearer realm=\"portcullis\"".into();
    }
    format!("Bearer realm=\"portcullis\", scope=\"{}\"", scopes.join(" ")).into()
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod shared_secrets;
#[cfg(test)]
mod tests;

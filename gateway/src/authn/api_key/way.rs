//! The way in.

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::authn::api_key::book::ApiKeys;
use crate::authn::api_key::entry::Entry;
use crate::authn::api_key::record::KeyState;
use crate::authn::api_key::text::{Digest, PREFIX, Presented};
use crate::authn::authenticator::{Authenticator, Outcome, RejectReason};
use crate::base::RouteId;
use crate::identity::{Authenticated, WayIn};
use crate::web::Request;

/// Takes a key of ours from a header field. Whoever sends one of unknown name, with a wrong secret, or one
/// that is good no longer gets the same answer: it tells nobody which names there are.
#[derive(Debug)]
pub struct ApiKeyWay {
    keys: Arc<ApiKeys>,
    field: HeaderName,
    route: RouteId,
    scopes: Arc<[String]>,
    challenge: Arc<str>,
}

/// What a request has of keys.
enum Found<'a> {
    Absent,
    Bad(RejectReason),
    Text(&'a [u8]),
}

impl ApiKeyWay {
    /// The way in of one route: keys in `field` that are for the route and have these scopes. In the
    /// field `Authorization`, a key stands behind the scheme `ApiKey` or `Bearer`.
    pub fn new(keys: Arc<ApiKeys>, field: HeaderName, route: RouteId, scopes: &[String]) -> Self {
        let challenge = format!("ApiKey realm=\"portcullis\", header=\"{field}\"").into();
        Self { keys, field, route, scopes: scopes.into(), challenge }
    }

    fn find<'a>(&self, request: &Request<'a>) -> Found<'a> {
        let mut fields = request.headers.get_all(&self.field).iter();
        let Some(first) = fields.next() else { return Found::Absent };
        let shared = self.field == AUTHORIZATION;
        // Two fields: one reader takes the first, the next one the last.
        if fields.next().is_some() {
            let mut all = request.headers.get_all(&self.field).iter();
            let ours = !shared || all.any(|field| behind_scheme(field.as_bytes()).is_some());
            return if ours { Found::Bad(RejectReason::Repeated) } else { Found::Absent };
        }
        if !shared {
            return Found::Text(first.as_bytes());
        }
        behind_scheme(first.as_bytes()).map_or(Found::Absent, Found::Text)
    }

    fn judge(&self, request: &Request<'_>) -> Outcome {
        let text = match self.find(request) {
            Found::Absent => return Outcome::Absent,
            Found::Bad(reason) => return Outcome::Reject(reason),
            Found::Text(text) => text,
        };
        let Some(presented) = Presented::parse(text) else {
            return Outcome::Reject(RejectReason::Malformed);
        };
        let entry = self.keys.find(presented.id);
        // An unknown name is compared too, so that it takes the time of a known one.
        let nobodys = Digest([0; 32]);
        let kept = entry.as_ref().map_or(&nobodys, |entry| &entry.digest);
        let right = kept.is(&presented.digest);
        match entry {
            None => Outcome::Reject(RejectReason::Unknown),
            Some(_) if !right => Outcome::Reject(RejectReason::Secret),
            Some(entry) => self.admit(&entry),
        }
    }

    /// What the route wants of a key whose secret is right.
    fn admit(&self, entry: &Entry) -> Outcome {
        let (key, now) = (&entry.key, self.keys.now());
        match key.state(now) {
            KeyState::Active => {}
            KeyState::Disabled => return Outcome::Reject(RejectReason::Disabled),
            KeyState::Expired => return Outcome::Reject(RejectReason::Expired),
            KeyState::Revoked => return Outcome::Reject(RejectReason::Revoked),
        }
        let scoped = self.scopes.iter().all(|wanted| key.scopes.contains(wanted));
        if !scoped || !key.routes.include(self.route.as_str()) {
            return Outcome::Reject(RejectReason::Scope);
        }
        entry.touch(now);
        let principal = Arc::clone(&entry.principal);
        let proof =
            Authenticated::assertion(principal, WayIn::ApiKey, None).bound_to(entry.streams);
        Outcome::Accept(match key.expires {
            Some(expires) => proof.until(expires),
            None => proof,
        })
    }
}

#[async_trait]
impl Authenticator for ApiKeyWay {
    fn way_in(&self) -> WayIn {
        WayIn::ApiKey
    }

    fn challenge(&self) -> Option<&str> {
        Some(&self.challenge)
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        self.judge(request)
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        Some(self.judge(request))
    }
}

/// What stands behind `ApiKey`, or behind `Bearer` where it begins like a key; `None` for what is not
/// meant for us.
fn behind_scheme(field: &[u8]) -> Option<&[u8]> {
    let split = field.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = field.split_at_checked(split)?;
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let text = rest.get(spaces..)?;
    let bearer = scheme.eq_ignore_ascii_case(b"bearer") && text.starts_with(PREFIX.as_bytes());
    (scheme.eq_ignore_ascii_case(b"apikey") || bearer).then_some(text)
}

#[cfg(test)]
mod tests;

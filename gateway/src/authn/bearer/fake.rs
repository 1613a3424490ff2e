//! A scripted issuer for this module's tests.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use crate::authn::Outcome;
use crate::authn::bearer::{Bearer, Introspection, Issuer, IssuerSettings, TokenSource};
use crate::authn::conformance::{Fields, ask};
use crate::authn::{RejectReason, authenticator::Unavailable};
use crate::base::{Clock, ManualClock, Secret, Timestamp};
use crate::crypto::{Algorithm, SigningKey};
use crate::identity::Authenticated;
use crate::oidc::{JwksLocation, RemoteKeys};
use crate::web::ScriptedFetch;

pub(super) const ISSUER: &str = "https://ci.test";
pub(super) const JWKS: &str = "https://ci.test/jwks";
pub(super) const ASKED: &str = "https://ci.test/introspect";
pub(super) const NOW: i64 = 1_800_000_000;

/// An issuer that signs, the world it lives in, and a way in that takes its tokens.
pub(super) struct Fake {
    pub(super) fetch: Arc<ScriptedFetch>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) key: SigningKey,
    pub(super) issuer: Arc<Issuer>,
    pub(super) way: Bearer,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self::with(Algorithm::EdDsa, |_| {})
    }

    pub(super) fn with(algorithm: Algorithm, change: impl FnOnce(&mut IssuerSettings)) -> Self {
        let key = SigningKey::generate(algorithm).unwrap().0;
        let fetch = Arc::new(ScriptedFetch::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let location = JwksLocation::Fixed(Url::parse(JWKS).unwrap());
        let keys = RemoteKeys::new(location, fetch.clone(), clock.clone());
        let source = TokenSource::Remote(Arc::new(keys.stale_for(Duration::from_secs(3_600))));
        let issuer = issuer(source, &clock, change);
        let way = Bearer::new([Arc::clone(&issuer)], &[]);
        let fake = Self { fetch, clock, key, issuer, way };
        fake.publish(&[&fake.key]);
        fake
    }

    /// The same world, in which the issuer is asked about each token.
    pub(super) fn asked(cache: Duration) -> Self {
        let fake = Self::new();
        let url = Url::parse(ASKED).unwrap();
        let secret = Secret::from("s:cret");
        let times = (cache, Duration::from_secs(1));
        let client = ("gateway", &secret);
        let introspection = Introspection::new(url, client, fake.fetch.clone(), times).unwrap();
        let source = TokenSource::Introspection(Box::new(introspection));
        let issuer = issuer(source, &fake.clock, |settings| settings.audiences.clear());
        Self { way: Bearer::new([Arc::clone(&issuer)], &[]), issuer, ..fake }
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public_jwk().unwrap()).collect();
        self.fetch.answer(JWKS, 200, json!({ "keys": keys }).to_string());
    }

    /// The issuer says this of every token.
    pub(super) fn says(&self, answer: &Value) {
        self.fetch.answer(ASKED, 200, answer.to_string());
    }

    /// Claims of a good token, changed by the members of `change`; `null` takes one away.
    pub(super) fn claims(change: &Value) -> Value {
        let mut claims = json!({
            "iss": ISSUER, "aud": "api", "sub": "ann", "iat": NOW - 5, "exp": NOW + 300,
            "scope": "read write",
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => members.remove(name),
                value => members.insert(name.clone(), value.clone()),
            };
        }
        claims
    }

    /// A good token, changed so.
    pub(super) fn token(&self, change: &Value) -> String {
        self.signed(&json!({}), &Self::claims(change).to_string())
    }

    /// Any claims, and a header changed so, properly signed.
    pub(super) fn signed(&self, header: &Value, claims: &str) -> String {
        sign(&self.key, header, claims)
    }

    pub(super) async fn present(&self, token: &str) -> Outcome {
        present(&self.way, token).await
    }

    /// How often the keys were fetched.
    pub(super) fn fetches(&self) -> usize {
        self.fetch.asked(JWKS).len()
    }
}

fn issuer(
    source: TokenSource,
    clock: &Arc<ManualClock>,
    change: impl FnOnce(&mut IssuerSettings),
) -> Arc<Issuer> {
    let mut settings = IssuerSettings::new("ci".into(), ISSUER, "api");
    change(&mut settings);
    let clock: Arc<dyn Clock> = clock.clone();
    Arc::new(Issuer::new(settings, source, clock))
}

/// Signs with the key's own `alg` and `kid`, unless `header` says otherwise; `-` takes away.
pub(super) fn sign(key: &SigningKey, header: &Value, claims: &str) -> String {
    let mut full = json!({ "alg": key.algorithm().as_str(), "kid": key.id().as_str() });
    let members = full.as_object_mut().unwrap();
    for (name, value) in header.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
        if value == "-" {
            members.remove(name);
        }
    }
    sign_raw(key, &full.to_string(), claims)
}

/// Signs a header written out.
pub(super) fn sign_raw(key: &SigningKey, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(super) fn fields(token: &str) -> Fields {
    vec![("authorization", format!("Bearer {token}"))]
}

pub(super) async fn present(way: &Bearer, token: &str) -> Outcome {
    ask(way, &fields(token)).await
}

pub(super) fn accepted(outcome: Outcome) -> Authenticated {
    match outcome {
        Outcome::Accept(proof) => proof,
        other => panic!("{other:?}"),
    }
}

pub(super) fn rejected(outcome: Outcome) -> RejectReason {
    match outcome {
        Outcome::Reject(reason) => reason,
        other => panic!("{other:?}"),
    }
}

pub(super) fn unavailable(outcome: Outcome) -> Unavailable {
    match outcome {
        Outcome::Unavailable(cause) => cause,
        other => panic!("{other:?}"),
    }
}

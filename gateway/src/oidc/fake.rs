//! A scripted issuer for this module's tests.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::base::{ManualClock, SeededEntropy, Timestamp};
use crate::identity::StepUp;
use crate::oidc::callback::CallbackParams;
use crate::oidc::fault::LoginFault;
use crate::oidc::provider::{FinishedLogin, Provider};
use crate::oidc::settings::ProviderSettings;
use crate::oidc::start::{StartLogin, StartedLogin};
use crate::web::ScriptedFetch;

pub(super) const ISSUER: &str = "https://id.test";
pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const ACCESS_TOKEN: &str = "access";

/// A key that signs.
pub(super) struct Signer {
    pair: Ed25519KeyPair,
    pub(super) kid: &'static str,
}

/// A provider of ours, and the issuer it talks to.
pub(super) struct Fake {
    pub(super) fetch: Arc<ScriptedFetch>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) signer: Signer,
    pub(super) provider: Provider,
}

impl Signer {
    pub(super) fn new(kid: &'static str) -> Self {
        let seed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, kid.as_bytes());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap();
        Self { pair, kid }
    }

    pub(super) fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    pub(super) fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.kid, "x": self.x()})
    }

    /// Signs `claims` under `header` as it is given.
    pub(super) fn sign_as(&self, header: &Value, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(&header.to_string()), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({"alg": "EdDSA", "kid": self.kid}), &claims.to_string())
    }
}

impl Fake {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut ProviderSettings)) -> Self {
        let mut settings = ProviderSettings::new("corp".into(), ISSUER, "portcullis");
        settings.client_secret = Some("s:cret".into());
        change(&mut settings);
        let fetch = Arc::new(ScriptedFetch::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let signer = Signer::new("one");
        let entropy = Arc::new(SeededEntropy::new(1));
        let fake = Self {
            provider: Provider::new(settings, fetch.clone(), clock.clone(), entropy),
            fetch,
            clock,
            signer,
        };
        fake.publish(&json!({}));
        fake.publish_keys(&[&fake.signer]);
        fake
    }

    /// Publishes the metadata, changed by the members of `change`.
    pub(super) fn publish(&self, change: &Value) {
        let metadata = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.test/authorize?tenant=1",
            "token_endpoint": "https://id.test/token",
            "jwks_uri": "https://id.test/jwks",
            "end_session_endpoint": "https://id.test/logout",
            "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
        });
        let document = merged(metadata, change).to_string();
        self.fetch.answer("https://id.test/.well-known/openid-configuration", 200, document);
    }

    pub(super) fn publish_keys(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.fetch.answer("https://id.test/jwks", 200, json!({ "keys": keys }).to_string());
    }

    pub(super) async fn start(&self) -> StartedLogin {
        self.start_for(None).await
    }

    pub(super) async fn start_for(&self, step_up: Option<&StepUp>) -> StartedLogin {
        let login = StartLogin {
            redirect_uri: "https://app.test/cb",
            return_to: "/chat",
            step_up,
            route: None,
        };
        self.provider.start(login, |transaction| transaction.id.clone()).await.unwrap()
    }

    /// Claims of a good token, changed by the members of `change`; `null` takes one away.
    pub(super) fn claims(nonce: &str, change: &Value) -> Value {
        let good = json!({
            "iss": ISSUER, "aud": "portcullis", "sub": "ann", "nonce": nonce,
            "iat": NOW - 5, "exp": NOW + 300,
        });
        merged(good, change)
    }

    /// The token endpoint's answer is `id_token`.
    pub(super) fn answer_token(&self, id_token: &str) {
        let answer = json!({
            "access_token": ACCESS_TOKEN, "token_type": "bearer", "id_token": id_token,
        });
        self.fetch.answer("https://id.test/token", 200, answer.to_string());
    }

    /// A whole login, with a token of the changed claims.
    pub(super) async fn login(&self, change: Value) -> Result<FinishedLogin, LoginFault> {
        self.login_by(|nonce| self.signer.sign(&Self::claims(nonce, &change))).await
    }

    /// A whole login, with the token that `make` makes for a nonce.
    pub(super) async fn login_by(
        &self,
        make: impl FnOnce(&str) -> String,
    ) -> Result<FinishedLogin, LoginFault> {
        let started = self.start().await;
        self.answer_token(&make(&started.transaction.nonce));
        self.finish("state=s&code=c", &started).await
    }

    pub(super) async fn finish(
        &self,
        query: &str,
        started: &StartedLogin,
    ) -> Result<FinishedLogin, LoginFault> {
        self.provider.finish(&CallbackParams::parse(query)?, &started.transaction).await
    }
}

pub(super) fn merged(mut base: Value, change: &Value) -> Value {
    let object = base.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    base
}

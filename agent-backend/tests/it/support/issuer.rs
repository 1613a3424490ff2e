//! An issuer with one key of each kind, which signs by hand: no JOSE library shared with the agent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
    published: Arc<Published>,
}

struct Published {
    url: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    down: Mutex<bool>,
    fetches: AtomicUsize,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let ed = Ed25519KeyPair::generate().unwrap();
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let rsa = RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let point = ec.public_key().as_ref();
        let modulus = rsa.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let exponent = rsa.public_key().exponent().big_endian_without_leading_zero().to_vec();
        let keys = vec![
            ed_jwk("ed", &ed),
            json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "ec",
                    "x": encode(&point[1..33]), "y": encode(&point[33..]) }),
            json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa",
                    "n": encode(&modulus), "e": encode(&exponent) }),
        ];
        let published = Arc::new(Published {
            url: Mutex::default(),
            keys: Mutex::new(keys),
            down: Mutex::default(),
            fetches: AtomicUsize::new(0),
        });
        let url = serve(
            Router::new()
                .route("/.well-known/openid-configuration", get(discovery))
                .route("/.well-known/jwks.json", get(jwks))
                .with_state(published.clone()),
        )
        .await;
        *published.url.lock().unwrap() = url.clone();
        Self { url, ed, ec, rsa, published }
    }

    /// A token signed with one of the keys `ed`, `ec` and `rsa`.
    pub(crate) fn token(&self, kid: &str, claims: &Value) -> String {
        let alg = match kid {
            "ec" => "ES256",
            "rsa" => "RS256",
            _ => "EdDSA",
        };
        self.token_with(&json!({ "alg": alg, "typ": "JWT", "kid": kid }), kid, claims)
    }

    pub(crate) fn token_with(&self, header: &Value, key: &str, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match key {
            "ec" => self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            "rsa" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            _ => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(&signature))
    }

    pub(crate) fn publish(&self, kid: &str, key: &Ed25519KeyPair) {
        self.published.keys.lock().unwrap().push(ed_jwk(kid, key));
    }

    /// From now on the discovery document speaks of this issuer.
    pub(crate) fn rename(&self, name: &str) {
        *self.published.url.lock().unwrap() = name.to_owned();
    }

    pub(crate) fn set_down(&self, down: bool) {
        *self.published.down.lock().unwrap() = down;
    }

    /// How often the key set was fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.published.fetches.load(Ordering::SeqCst)
    }
}

/// A token under a shared secret.
pub(crate) fn hs256(header: &Value, secret: &[u8], claims: &Value) -> String {
    let message = unsigned(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encode(hmac::sign(&key, message.as_bytes()).as_ref()))
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Serves on a free port; the address has no trailing slash.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

fn ed_jwk(kid: &str, key: &Ed25519KeyPair) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid,
            "x": encode(key.public_key().as_ref()) })
}

async fn discovery(State(published): State<Arc<Published>>) -> Result<Json<Value>, StatusCode> {
    if *published.down.lock().unwrap() {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let url = published.url.lock().unwrap().clone();
    Ok(Json(json!({ "issuer": url, "jwks_uri": format!("{url}/.well-known/jwks.json") })))
}

async fn jwks(State(published): State<Arc<Published>>) -> Json<Value> {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "keys": *published.keys.lock().unwrap() }))
}

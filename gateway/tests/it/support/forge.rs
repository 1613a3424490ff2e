//! A provider's keys, and what can be done wrongly with them.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// One RSA key with its id.
pub(crate) struct Key {
    id: String,
    pair: KeyPair,
}

impl Key {
    /// A fresh key.
    pub(crate) fn generate(id: &str) -> Self {
        Self { id: id.to_owned(), pair: KeyPair::generate(KeySize::Rsa2048).unwrap() }
    }

    /// Its public half, as JWKS lists it.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": encode(public.modulus().big_endian_without_leading_zero()),
            "e": encode(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// Signs as it should be.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.id, claims)
    }

    /// Signs with this key, but names another.
    pub(crate) fn sign_as(&self, id: &str, claims: &Value) -> String {
        self.sign_under(&json!({ "typ": "JWT", "alg": "RS256", "kid": id }), claims)
    }

    /// Signs with RS256 under any header.
    pub(crate) fn sign_under(&self, head: &Value, claims: &Value) -> String {
        let message = message(head, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .unwrap();
        format!("{message}.{}", encode(&signature))
    }

    /// HS256 with the public key as the secret: passes where the token chooses the algorithm.
    pub(crate) fn sign_with_public_half(&self, claims: &Value) -> String {
        let head = json!({ "typ": "JWT", "alg": "HS256", "kid": self.id });
        let message = message(&head, claims);
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
        format!("{message}.{}", encode(hmac::sign(&key, message.as_bytes()).as_ref()))
    }
}

/// A token without a signature.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.", message(&json!({ "typ": "JWT", "alg": "none" }), claims))
}

/// The same token with another signature.
pub(crate) fn spoil(token: &str) -> String {
    let (message, _) = token.rsplit_once('.').expect("three parts");
    format!("{message}.{}", encode(&[7; 256]))
}

/// The claims of a token that somebody else has verified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token.
pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

/// base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn message(head: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

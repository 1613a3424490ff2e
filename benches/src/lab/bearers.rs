//! Bearer tokens of an issuer that the lab plays itself.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::lab::peer::Guard;

/// One key of the issuer, in every form that the servers want, and a token that it signed.
#[derive(Clone, Debug)]
pub(crate) struct Bearers {
    /// `ES256` or `RS256`.
    pub(crate) algorithm: &'static str,
    pub(crate) public_pem: String,
    pub(crate) jwks: String,
    token: String,
}

/// The issuer's name.
pub(crate) const ISSUER: &str = "https://issuer.lab.example";
/// Whom its tokens are for.
pub(crate) const AUDIENCE: &str = "lab";
const KEY_ID: &str = "lab";

impl Bearers {
    /// A fresh key and a token, if the guard is about bearer tokens.
    pub(crate) fn for_guard(guard: Guard) -> Result<Option<Self>> {
        Ok(match guard {
            Guard::BearerEs256 => Some(Self::es256()?),
            Guard::BearerRs256 => Some(Self::rs256()?),
            Guard::Open | Guard::Session | Guard::SharedSession => None,
        })
    }

    /// The header field that shows the token.
    pub(crate) fn credential(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    fn es256() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let private = pair.to_pkcs8v1()?;
        let key = EncodingKey::from_ec_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())?;
        Self::new("ES256", Algorithm::ES256, KeyAlgorithm::ES256, &key, public.as_ref())
    }

    fn rs256() -> Result<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let private: Pkcs8V1Der<'_> = pair.as_der()?;
        let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())?;
        Self::new("RS256", Algorithm::RS256, KeyAlgorithm::RS256, &key, public.as_ref())
    }

    fn new(
        name: &'static str,
        algorithm: Algorithm,
        for_jwk: KeyAlgorithm,
        key: &EncodingKey,
        public: &[u8],
    ) -> Result<Self> {
        let mut jwk = Jwk::from_encoding_key(key, algorithm)?;
        jwk.common.key_id = Some(KEY_ID.to_owned());
        jwk.common.key_algorithm = Some(for_jwk);
        let now = now()?;
        let claims = json!({
            "iss": ISSUER, "sub": "00u1a2b3c4d5e6f7g8h9", "aud": AUDIENCE,
            "iat": now, "exp": now + 12 * 3600, "email": "engineer@example.com",
            "groups": ["engineering", "admin", "on-call", "everybody", "location-berlin"],
        });
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(algorithm) };
        Ok(Self {
            algorithm: name,
            public_pem: pem("PUBLIC KEY", public),
            jwks: serde_json::to_string(&JwkSet { keys: vec![jwk] })?,
            token: encode(&header, &claims, key).context("no token")?,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the lab's tokens must be good for its peers' clocks"
)]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

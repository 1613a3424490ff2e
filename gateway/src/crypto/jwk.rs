//! Public keys as we publish them. The types have no room for a private part.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::base::KeyId;
use crate::crypto::algorithm::Algorithm;

/// One public key (RFC 7517). Its `kid` is its thumbprint (RFC 7638).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    #[serde(flatten)]
    parts: Parts,
    kid: KeyId,
    alg: Algorithm,
    #[serde(rename = "use")]
    purpose: &'static str,
}

/// A set of public keys: what `jwks.json` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys, the active one first.
    pub keys: Vec<PublicJwk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
enum Parts {
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
    #[serde(rename = "RSA")]
    Rsa { e: String, n: String },
}

impl PublicJwk {
    /// The key's id: the thumbprint of its public parts.
    pub fn id(&self) -> &KeyId {
        &self.kid
    }

    /// The algorithm it is used with.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// An Ed25519 key of 32 bytes.
    pub(super) fn ed25519(public: &[u8]) -> Self {
        Self::of(Parts::Okp { crv: "Ed25519", x: encode(public) }, Algorithm::EdDsa)
    }

    /// The 32 bytes of an Ed25519 key; `None` for a key of another kind.
    pub(super) fn ed25519_bytes(&self) -> Option<Vec<u8>> {
        match &self.parts {
            Parts::Okp { x, .. } => URL_SAFE_NO_PAD.decode(x).ok(),
            Parts::Ec { .. } | Parts::Rsa { .. } => None,
        }
    }

    /// A P-256 key from its uncompressed point; `None` when it is not one.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        let coordinates = point.strip_prefix(&[4]).filter(|rest| rest.len() == 64)?;
        let (x, y) = coordinates.split_at_checked(32)?;
        let parts = Parts::Ec { crv: "P-256", x: encode(x), y: encode(y) };
        Some(Self::of(parts, Algorithm::Es256))
    }

    /// An RSA key from its big-endian modulus and exponent.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self::of(Parts::Rsa { e: encode(exponent), n: encode(modulus) }, Algorithm::Rs256)
    }

    fn of(parts: Parts, alg: Algorithm) -> Self {
        let kid = KeyId::from(parts.thumbprint().as_str());
        Self { parts, kid, alg, purpose: "sig" }
    }
}

impl Parts {
    /// RFC 7638: the required members, in order of their names, without spaces. All values are
    /// base64url or fixed words, so nothing needs escaping.
    fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        encode(digest(&SHA256, canonical.as_bytes()).as_ref())
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_the_rfcs() {
        // RFC 8037 appendix A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwk = PublicJwk::ed25519(&URL_SAFE_NO_PAD.decode(x).unwrap());
        assert_eq!(jwk.id().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // RFC 7638 section 3.1.
        let n = concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc",
            "_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQ",
            "R0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bF",
            "TWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        );
        let jwk = PublicJwk::rsa(&URL_SAFE_NO_PAD.decode(n).unwrap(), &[1, 0, 1]);
        assert_eq!(jwk.id().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_published_key_says_what_it_is_for() {
        let json = serde_json::to_value(PublicJwk::ed25519(&[7; 32])).unwrap();
        let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut sorted = members.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["alg", "crv", "kid", "kty", "use", "x"]);
        assert_eq!(json["use"], "sig");
        assert_eq!(json["kty"], "OKP");
    }
}

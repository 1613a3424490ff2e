//! The closed lists of signature algorithms. `none` is on neither, so no code can choose it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An algorithm that we sign with.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    clap::ValueEnum,
)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037): the fastest to sign with, about 12 µs. The default.
    #[default]
    #[serde(rename = "EdDSA")]
    #[value(name = "EdDSA")]
    EdDsa,
    /// ECDSA with P-256 and SHA-256: about 22 µs.
    #[serde(rename = "ES256")]
    #[value(name = "ES256")]
    Es256,
    /// HMAC with SHA-256: whoever can verify can also forge; for applications that know no other.
    #[serde(rename = "HS256")]
    #[value(name = "HS256")]
    Hs256,
    /// RSA PKCS#1 v1.5 with SHA-256, 2048 bits: about 400 µs.
    #[serde(rename = "RS256")]
    #[value(name = "RS256")]
    Rs256,
}

/// An algorithm whose signatures we accept from others. The symmetric ones count only with a secret that
/// an operator has written down: no public key fits to them, and no secret to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerifyAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
}

impl Algorithm {
    /// The `alg` of RFC 7518.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }

    /// Whether one signature takes so long that it should be made off the worker threads.
    pub const fn is_costly(self) -> bool {
        matches!(self, Self::Rs256)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl VerifyAlgorithm {
    /// Those with a shared secret.
    pub const SHARED: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// All that have a public key.
    pub const ALL: [Self; 9] = [
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The algorithm with a public key of exactly this name; case counts (RFC 7515 section 4.1.1).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The algorithm with a shared secret of exactly this name.
    pub fn named_shared(name: &str) -> Option<Self> {
        Self::SHARED.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Whether whoever can verify can also forge.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    /// The `alg` of RFC 7518.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }
}

impl fmt::Display for VerifyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_list_knows_none_or_a_symmetric_foreign_algorithm() {
        for name in ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "rs256", "RS1", "ES256K"]
        {
            assert_eq!(VerifyAlgorithm::named(name), None, "{name}");
        }
        assert!(serde_json::from_str::<Algorithm>("\"none\"").is_err());
        assert_eq!(serde_json::from_str::<Algorithm>("\"EdDSA\"").unwrap(), Algorithm::EdDsa);
    }

    #[test]
    fn names_are_the_same_in_json_and_text() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256, Algorithm::Rs256] {
            let json = serde_json::to_string(&algorithm).unwrap();
            assert_eq!(json, format!("\"{algorithm}\""));
        }
        for algorithm in VerifyAlgorithm::ALL {
            assert_eq!(VerifyAlgorithm::named(algorithm.as_str()), Some(algorithm));
            assert_eq!(VerifyAlgorithm::named_shared(algorithm.as_str()), None);
        }
        for algorithm in VerifyAlgorithm::SHARED {
            assert_eq!(VerifyAlgorithm::named_shared(algorithm.as_str()), Some(algorithm));
            assert_eq!(VerifyAlgorithm::named(algorithm.as_str()), None);
        }
    }
}

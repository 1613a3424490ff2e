//! A client's own key, with which it proves itself to a provider.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::secret_source::SecretSource;

/// A private key, and what the provider wants to hear about it. The provider knows its public half:
/// `<public_url>/.portcullis/client-keys/<id>` publishes that as a JWKS.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// The private key, as a PEM file of the kind `PRIVATE KEY` (PKCS#8): RSA of at least 2048 bits
    /// (RS256), P-256 (ES256) or Ed25519 (`EdDSA`).
    pub key: SecretSource,
    /// The key's id (`kid`) at the provider. Default: its thumbprint (RFC 7638).
    pub id: Option<String>,
    /// PEM file with the certificate of the key, for a provider that knows keys by certificates as
    /// Entra does: its SHA-256 is sent as `x5t#S256`. Relative to this file's directory.
    pub certificate: Option<PathBuf>,
    /// Whom the proof is made out to. Default `issuer`.
    #[serde(default)]
    pub audience: ProofAudience,
}

/// Whom a client's proof is made out to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofAudience {
    /// The issuer. A proof for one provider is then of no use at another, whatever that one says of
    /// its endpoints.
    #[default]
    Issuer,
    /// The address of the token endpoint, for providers that want this: Okta, Entra.
    TokenEndpoint,
}

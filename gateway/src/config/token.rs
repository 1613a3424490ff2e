//! `[token]`: the identity token that upstreams receive.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::duration::Duration;
use crate::config::secret_source::SecretSource;
use crate::crypto::Algorithm;

/// The identity token: a JWT, minted for the upstream on each request.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    /// The `iss` claim. Default: `server.public_url`, where the keys are published too.
    pub issuer: Option<String>,
    /// The signature. Default `EdDSA`: fast, short, nothing to get wrong. `HS256` is for apps that
    /// know a shared secret only: whoever can check such a token can also forge one.
    pub algorithm: Algorithm,
    /// The shared secret, for `HS256` only; at least 32 bytes, because a shorter one can be guessed
    /// from a single token.
    pub secret: Option<SecretSource>,
    /// How long a token is valid, from 5s to 10m. Default 60s: a stolen one is soon worthless, and
    /// clocks that differ by seconds still agree.
    pub lifetime: Duration,
    /// How much earlier than now `iat` and `nbf` are set, for upstreams whose clock is behind. Default 5s.
    pub clock_skew: Duration,
    /// How long a signing key is used before the next one takes over. Default 30d. Bounds what a
    /// stolen key is worth.
    pub rotate_after: Duration,
    /// How long before its first use the next key is published, and how long after its last use the
    /// old one still is. Default 1d: longer than any upstream keeps keys in its cache.
    pub publish_before: Duration,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            issuer: None,
            algorithm: Algorithm::EdDsa,
            secret: None,
            lifetime: Duration::from_secs(60),
            clock_skew: Duration::from_secs(5),
            rotate_after: Duration::from_secs(30 * 86_400),
            publish_before: Duration::from_secs(86_400),
        }
    }
}

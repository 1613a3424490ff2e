//! `[issuers.<id>]`: whose access tokens count for the way in `bearer`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::duration::Duration;
use crate::config::providers::ClaimNames;
use crate::config::secret_source::SecretSource;
use crate::config::text::text_setting;
use crate::crypto::VerifyAlgorithm;

/// An issuer of access tokens (RFC 6750). Signed tokens (JWT) are verified here with the issuer's
/// public keys; `introspection` asks the issuer about opaque ones.
///
/// The keys come from `jwks_file`, from `jwks_url`, or, with neither and without `secret`, from where the issuer's
/// discovery document says.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The issuer, byte for byte as it stands in the tokens' `iss`, a trailing slash included. With
    /// the subject it is the principal's key: an issuer that is also a provider means the same
    /// people.
    pub issuer: String,
    /// The audiences (`aud`): a token must be meant for one of them. Required for signed tokens, so
    /// that a token made for another application opens nothing here. Where `introspection` answers
    /// come without `aud`, leave it out.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The signature algorithms that count. Default: all that have public keys, each only with a key that
    /// it fits; with `secret`, HS256.
    pub algorithms: Option<Vec<SignatureAlgorithm>>,
    /// What the header's `typ` may be, without `application/`. Default: none at all, `JWT` or
    /// `at+jwt`. `["at+jwt"]` takes access tokens by RFC 9068 only.
    #[serde(default)]
    pub typ: Vec<String>,
    /// Claims that a token must have, and the values that each may have; an empty list takes any
    /// value. A claim that is a list must hold one of them. Default none.
    #[serde(default)]
    #[schemars(extend("title" = "table of lists of text"))]
    pub required_claims: BTreeMap<String, Vec<String>>,
    /// Scopes that each token must have, in `scope` or `scp`; a route can want more. Default none.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How far the issuer's clock may be off from ours, at most 60s. Default 30s: time servers do
    /// better. More would let expired tokens in.
    #[serde(default = "leeway")]
    pub leeway: Duration,
    /// The claim with the caller's stable name. Default `sub`. Choose none that callers can change.
    #[serde(default = "subject")]
    pub subject: String,
    /// Which of the claims hold what else.
    #[serde(default)]
    pub claims: ClaimNames,
    /// Where the keys are (JWKS), if not where the discovery document says.
    pub jwks_url: Option<Url>,
    /// A file with the keys (JWKS), for an issuer that cannot be reached. Relative to this file's
    /// directory; read at start and at reload.
    pub jwks_file: Option<PathBuf>,
    /// The secret that the issuer signs its tokens with (HS256, HS384 or HS512), at least as long as the
    /// hash: 32, 48 or 64 bytes. Only where the issuer can do nothing else: whoever can verify such a
    /// token can also forge it.
    pub secret: Option<SecretSource>,
    /// How long known keys are used while they cannot be fetched again. Default 24h: a night's outage
    /// is survived, and a withdrawn key is not believed for ever.
    #[serde(default = "stale_keys")]
    pub stale_keys: Duration,
    /// Asks the issuer about each token (RFC 7662), for tokens that say nothing by themselves.
    pub introspection: Option<Introspection>,
    /// How many verified tokens are remembered, until they expire, their key is withdrawn or others
    /// take their place; 0 verifies every token on every request. Default 10000, about 20 MiB at
    /// worst: verifying costs tens of microseconds, remembering one or two.
    #[serde(default = "verified_cache")]
    pub verified_cache: u32,
    /// PEM file with the authority that signed the issuer's own certificate, where it is a private
    /// one. Relative to this file's directory. Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// Whether plain `http` is taken; only for a loopback host, in any case. Default false: whoever
    /// can listen in could replace the issuer.
    #[serde(default)]
    pub insecure_http: bool,
}

/// Asking the issuer about tokens (RFC 7662).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// Where to ask.
    pub url: Url,
    /// The id under which the issuer knows the gateway.
    pub client_id: String,
    /// The client's secret, sent by HTTP Basic.
    pub client_secret: SecretSource,
    /// How long an answer counts, never beyond the token's `exp`; 0s asks for every request. Default
    /// 30s: so long a revoked token still opens doors.
    #[serde(default = "cache")]
    pub cache: Duration,
    /// How long an answer may take before the request is refused with 503. Default 3s.
    #[serde(default = "timeout")]
    pub timeout: Duration,
}

/// A signature algorithm of tokens that others made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureAlgorithm(VerifyAlgorithm);

text_setting!(
    SignatureAlgorithm,
    "signature algorithm",
    "ES256",
    "^(EdDSA|ES256|ES384|HS256|HS384|HS512|PS256|PS384|PS512|RS256|RS384|RS512)$"
);

impl Issuer {
    /// The issuer as a URL. Checked: it is one, unless the keys are in a file.
    pub fn url(&self) -> Option<Url> {
        Url::parse(&self.issuer).ok()
    }

    /// The algorithms that count: those listed, or the default.
    pub fn algorithms(&self) -> Vec<VerifyAlgorithm> {
        match (&self.algorithms, &self.secret) {
            (Some(listed), _) => listed.iter().map(|algorithm| algorithm.get()).collect(),
            (None, None) => VerifyAlgorithm::ALL.to_vec(),
            (None, Some(_)) => vec![VerifyAlgorithm::Hs256],
        }
    }

    /// The address that the operator trusts with this issuer's keys or answers.
    pub fn home(&self) -> Option<Url> {
        let asked = self.introspection.as_ref().map(|introspection| introspection.url.clone());
        asked.or_else(|| self.jwks_url.clone()).or_else(|| self.url())
    }
}

impl SignatureAlgorithm {
    /// The algorithm.
    pub const fn get(self) -> VerifyAlgorithm {
        self.0
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = VerifyAlgorithm::named(text).or_else(|| VerifyAlgorithm::named_shared(text));
        named.map(Self).ok_or_else(|| {
            let known = VerifyAlgorithm::ALL.map(VerifyAlgorithm::as_str).join(", ");
            let why = "it is not one that is known here";
            format!("`{text}` is not accepted from others: {why}\nhelp: use one of {known}")
        })
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const fn leeway() -> Duration {
    Duration::from_secs(30)
}

fn subject() -> String {
    "sub".to_owned()
}

const fn stale_keys() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

const fn verified_cache() -> u32 {
    10_000
}

const fn cache() -> Duration {
    Duration::from_secs(30)
}

const fn timeout() -> Duration {
    Duration::from_secs(3)
}

//! What an operator says of one issuer.

use std::time::Duration;

use crate::base::IssuerId;
use crate::crypto::VerifyAlgorithm;
use crate::identity::ClaimMapping;

/// One issuer of access tokens, checked by the configuration.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The key of `[issuers.<id>]`.
    pub id: IssuerId,
    /// The issuer, byte for byte as in the tokens' `iss`.
    pub issuer: String,
    /// A token must be meant for one of these; empty takes introspected tokens for anybody, and no
    /// signed ones.
    pub audiences: Vec<String>,
    /// The allowed algorithms.
    pub algorithms: Vec<VerifyAlgorithm>,
    /// The allowed header `typ`s, without `application/`; empty for none, `JWT` and `at+jwt`.
    pub typ: Vec<String>,
    /// Claims that must be there, with the values that count; no value listed is any value.
    pub required_claims: Vec<(String, Vec<String>)>,
    /// Scopes that each token must have.
    pub scopes: Vec<String>,
    /// How far the issuer's clock may be off.
    pub leeway: Duration,
    /// The claim that is the subject.
    pub subject: String,
    /// Which claims become what else.
    pub claims: ClaimMapping,
    /// How many verified tokens are remembered; 0 for none.
    pub verified_cache: usize,
}

impl IssuerSettings {
    /// Settings with every default.
    pub fn new(id: IssuerId, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            id,
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            algorithms: VerifyAlgorithm::ALL.to_vec(),
            typ: Vec::new(),
            required_claims: Vec::new(),
            scopes: Vec::new(),
            leeway: Duration::from_secs(30),
            subject: "sub".to_owned(),
            claims: ClaimMapping::default(),
            verified_cache: 10_000,
        }
    }
}

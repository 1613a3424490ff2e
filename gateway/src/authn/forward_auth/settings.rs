//! What one service is asked, and what its answers mean.

use std::time::Duration;

use http::HeaderName;
use url::Url;

use crate::identity::ClaimMapping;

/// One external service.
#[derive(Clone, Debug)]
pub struct ForwardAuthSettings {
    /// Where it is asked.
    pub url: Url,
    /// Who vouches for the people it names.
    pub issuer: String,
    /// The client's header fields that it sees; no others.
    pub headers: Vec<HeaderName>,
    /// The client's cookies that it sees; no others.
    pub cookies: Vec<String>,
    /// Whether it is asked about requests that have none of these too.
    pub always: bool,
    /// Where its answer names the person.
    pub names: Names,
    /// Answer fields that the upstream receives as they are.
    pub pass: Vec<HeaderName>,
    /// For a whole exchange, waiting included.
    pub timeout: Duration,
    /// How long a yes counts for the very same question; zero asks each time.
    pub cache: Duration,
}

/// Where an answer names the person.
#[derive(Clone, Debug)]
pub enum Names {
    /// In header fields of their own, by claim; `sub` is one of them.
    Headers {
        /// Claim and field.
        fields: Vec<(String, HeaderName)>,
        /// Whether the address in `email` is a verified one.
        email_verified: bool,
    },
    /// In the claims of a JWT. The service is believed, not the token: its signature is for whoever
    /// it is passed on to.
    Jwt {
        /// The field.
        header: HeaderName,
        /// The claim with the stable name.
        subject: String,
        /// The other claims.
        claims: Box<ClaimMapping>,
    },
}

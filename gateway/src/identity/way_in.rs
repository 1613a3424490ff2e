//! The closed list of ways to prove who sends a request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One method of proving who sends a request; `auth` in a route names them in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayIn {
    /// No proof: identity is optional.
    Anonymous,
    /// A key that we made and keep the hash of.
    ApiKey,
    /// An access token of a named issuer (RFC 6750).
    Bearer,
    /// A client certificate whose chain was verified (mutual TLS).
    ClientCertificate,
    /// The word of an external service that was asked.
    ForwardAuth,
    /// An OpenID Connect login; how a session came to be, not something a route lists.
    Oidc,
    /// A name and a password.
    Password,
    /// A session's handle in a cookie.
    Session,
    /// A link with a signature.
    SignedUrl,
    /// The token of a Microsoft Teams tab.
    Teams,
    /// Headers of a proxy that is trusted to name people.
    TrustedHeaders,
}

impl WayIn {
    /// The word used in configuration, logs and the token's `auth_method`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::ApiKey => "api_key",
            Self::Bearer => "bearer",
            Self::ClientCertificate => "client_certificate",
            Self::ForwardAuth => "forward_auth",
            Self::Oidc => "oidc",
            Self::Password => "password",
            Self::Session => "session",
            Self::SignedUrl => "signed_url",
            Self::Teams => "teams",
            Self::TrustedHeaders => "trusted_headers",
        }
    }
}

impl fmt::Display for WayIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

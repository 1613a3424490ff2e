//! The closed list of ways to prove who sends a request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One method of proving who sends a request; `auth` in a route names them in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayIn {
    /// No proof: identity is optional.
    Anonymous,
    /// An OpenID Connect login; how a session came to be, not something a route lists.
    Oidc,
    /// A session's handle in a cookie.
    Session,
}

impl WayIn {
    /// The word used in configuration, logs and the token's `auth_method`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Oidc => "oidc",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for WayIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

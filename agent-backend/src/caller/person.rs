//! The caller: what a verified token says about who sends a request.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// Who sends a request, proven by a token. Made in `verify` and nowhere else.
#[derive(Clone)]
pub struct Caller {
    /// Stable id of the person or client at the gateway; owns the conversation history.
    pub sub: String,
    /// A name to greet with; falls back to the e-mail address and then to `sub`.
    pub name: String,
    /// E-mail address, if the token carries one. Never a key.
    pub email: Option<String>,
    /// Groups, as the gateway maps them.
    pub groups: Vec<String>,
    /// Roles, as the gateway maps them.
    pub roles: Vec<String>,
    /// How the gateway authenticated the request, for example `session`.
    pub auth_method: Option<String>,
    /// The gateway's id of this request; joins its logs and ours.
    pub txn: Option<String>,
    /// When the token ends.
    pub expires: Timestamp,
    /// All claims of the token.
    pub claims: Map<String, Value>,
    /// The token's header, which the page shows.
    pub header: TokenHeader,
    /// Only `verify` can make one.
    proof: Proof,
}

/// The part of a token's header that is worth showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenHeader {
    /// Signature algorithm.
    pub alg: String,
    /// Which key signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Kind of token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
}

#[derive(Clone)]
struct Proof;

impl Caller {
    /// From claims whose signature, issuer, audience and times have been checked.
    pub(in crate::caller) fn from_verified(
        sub: String,
        expires: Timestamp,
        claims: Map<String, Value>,
        header: TokenHeader,
    ) -> Self {
        let text = |name: &str| {
            claims.get(name).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned)
        };
        let name = ["name", "display_name", "preferred_username", "email"]
            .into_iter()
            .find_map(text)
            .unwrap_or_else(|| sub.clone());
        Self {
            name,
            email: text("email"),
            groups: words(claims.get("groups")),
            roles: words(claims.get("roles")),
            auth_method: text("auth_method"),
            txn: text("txn"),
            sub,
            expires,
            claims,
            header,
            proof: Proof,
        }
    }

    /// Whether the caller is in a group. Group names are compared exactly.
    pub fn is_in(&self, group: &str) -> bool {
        let Proof = self.proof;
        self.groups.iter().any(|own| own == group)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("sub", &self.sub)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

fn words(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

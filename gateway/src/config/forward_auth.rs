//! `[forward_auth.<id>]`: external services whose word counts for the way in `forward_auth`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::duration::Duration;
use crate::config::names::FieldName;
use crate::config::providers::ClaimNames;

/// An external service that is asked about each request as nginx's `auth_request` asks: by a GET with
/// `X-Original-URI`, `-Host`, `-Method`, `-Proto` and `-Remote-Addr`. 2xx is a yes, 401 and 403 are a
/// no; whatever else comes, or nothing, is 503 to the client.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForwardAuth {
    /// Where it is asked. The answer is not redirected.
    pub url: Url,
    /// Who vouches for the people it names: with the subject it is the principal's key. Default: the
    /// origin of `url`.
    pub issuer: Option<String>,
    /// The client's header fields that it sees, such as `Authorization`. Default none: what is not
    /// named here stays here. Upstreams do not see them; `forward_authorization` of a route excepts
    /// `Authorization`.
    #[serde(default)]
    pub headers: Vec<FieldName>,
    /// The client's cookies that it sees, by name. Default none. Our own cannot be named.
    #[serde(default)]
    pub cookies: Vec<String>,
    /// Whether it is asked about requests that have none of these fields and cookies. Default false:
    /// then such a request has no credential, and the next way in may look.
    #[serde(default)]
    pub always: bool,
    /// The answer's header fields that hold claims; `sub` must be one. `groups` and `roles` are lists
    /// with commas. Default: `sub`, `email`, `groups` and `preferred_username` in the
    /// `X-Auth-Request-*` fields of oauth2-proxy, unless `jwt` is there.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, FieldName>")]
    pub claims: BTreeMap<String, FieldName>,
    /// Whether the addresses in the claim `email` are verified ones. Default false.
    #[serde(default)]
    pub email_verified: bool,
    /// Takes the claims from a JWT in the answer instead.
    pub jwt: Option<AnswerToken>,
    /// The answer's header fields that the upstream receives as they are; clients cannot send them.
    /// Default none.
    #[serde(default)]
    pub pass: Vec<FieldName>,
    /// How long an answer may take before the request is refused with 503. Default 2s.
    #[serde(default = "timeout")]
    pub timeout: Duration,
    /// How long a yes counts for the very same question: same fields, cookies, path, host, method and
    /// client. At most 5m. Default 0s: the service is asked about every request.
    #[serde(default = "never")]
    pub cache: Duration,
    /// Whether plain `http` is taken; only for a loopback host, in any case. Default false: whoever can
    /// listen in could say yes.
    #[serde(default)]
    pub insecure_http: bool,
}

/// A JWT in an answer. The service is believed for where it is asked, so that the signature is not
/// checked here; the claims are only as good as the way to the service.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerToken {
    /// The header field, such as `X-User-JWT`.
    pub header: FieldName,
    /// The claim with the person's stable name. Default `sub`.
    #[serde(default = "subject")]
    pub subject: String,
    /// Which of the claims hold what else.
    #[serde(default)]
    pub claims: ClaimNames,
}

impl ForwardAuth {
    /// Claim and field, the default included.
    pub fn fields(&self) -> Vec<(String, http::HeaderName)> {
        if self.claims.is_empty() {
            let field = |(claim, name): (&str, &'static str)| {
                (claim.to_owned(), http::HeaderName::from_static(name))
            };
            return [
                ("sub", "x-auth-request-user"),
                ("email", "x-auth-request-email"),
                ("groups", "x-auth-request-groups"),
                ("preferred_username", "x-auth-request-preferred-username"),
            ]
            .map(field)
            .to_vec();
        }
        self.claims.iter().map(|(claim, field)| (claim.clone(), field.name().clone())).collect()
    }
}

fn subject() -> String {
    "sub".to_owned()
}

const fn timeout() -> Duration {
    Duration::from_secs(2)
}

const fn never() -> Duration {
    Duration::from_secs(0)
}

impl ForwardAuth {
    /// The issuer of the principals that it names.
    pub fn issuer(&self) -> String {
        self.issuer.clone().unwrap_or_else(|| self.url.origin().ascii_serialization())
    }
}

//! What a bound link is for. The session that it begins reaches no further.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::identity::{Principal, WayIn};
use crate::session::Session;
use crate::web::Request;

/// The claim of a session's principal that keeps it; no claim of a link can have this name.
const CLAIM: &str = "signed_url";

/// Host, path prefix and methods; what is absent is not bound.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Reach {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<String>>,
}

impl Reach {
    /// What a link's claims say; `None` when one of them is not of its type, so that a slip in a
    /// bound does not open everything.
    pub(super) fn read(claims: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| match claims.get(name) {
            None => Some(None),
            Some(Value::String(text)) => Some(Some(text.clone())),
            Some(_) => None,
        };
        let (host, path) = (text("host")?, text("path")?);
        if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            return None;
        }
        let methods = match claims.get("method") {
            None => None,
            Some(Value::String(one)) => Some(vec![one.clone()]),
            Some(Value::Array(several)) => {
                let names = several.iter().map(|name| name.as_str().map(str::to_owned));
                Some(names.collect::<Option<Vec<_>>>()?)
            }
            Some(_) => return None,
        };
        Some(Self { host: host.map(|host| host.to_ascii_lowercase()), path, methods })
    }

    /// Whether it covers a request. A prefix ends where a segment ends: `/a` does not cover `/ab`.
    pub(super) fn covers(&self, method: &str, host: &str, path: &str) -> bool {
        let below = |prefix: &String| {
            path.strip_prefix(prefix.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // `HEAD` asks for what `GET` would show.
        let method = if method == "HEAD" { "GET" } else { method };
        self.host.as_ref().is_none_or(|bound| bound == host)
            && self.path.as_ref().is_none_or(below)
            && self.methods.as_ref().is_none_or(|all| all.iter().any(|one| one == method))
    }
}

/// Keeps a link's reach with the principal that it names.
pub(super) fn note(principal: &mut Principal, reach: &Reach) {
    principal.claims.remove(CLAIM);
    if reach.host.is_some() || reach.path.is_some() || reach.methods.is_some() {
        // Only types of ours, none of which can fail; what does not read back reaches nothing.
        let reach = serde_json::to_value(reach).unwrap_or_default();
        principal.claims.insert(CLAIM.to_owned(), reach);
    }
}

/// Whether a session may be used for a request: one that a bound link began only where that link
/// was for.
pub(in crate::authn) fn reaches(session: &Session, request: &Request<'_>) -> bool {
    if session.signed_in_by != WayIn::SignedUrl {
        return true;
    }
    let Some(reach) = session.principal.claims.get(CLAIM) else { return true };
    Reach::deserialize(reach)
        .is_ok_and(|reach| reach.covers(request.method.as_str(), request.host, request.path))
}

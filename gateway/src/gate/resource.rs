//! A route that takes access tokens, described for clients that have none yet (RFC 9728).

use http::Method;
use serde_json::{Value, json};

use crate::gate::decide::Gate;
use crate::web::{PublicOrigins, Request};

/// Before the path of a resource, the address of its description (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What clients need to know to get a token for a route.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    /// The part of the path that all of the route's requests share; empty for all paths.
    pub path: String,
    /// The issuers that give out tokens, as URLs. Not empty: without one the description helps nobody.
    pub servers: Vec<String>,
    /// The scopes that a token must have.
    pub scopes: Vec<String>,
    /// The addresses of this gateway.
    pub origins: PublicOrigins,
    /// Whether the operator has named the route's host. Then a request for it is for that host.
    pub named_host: bool,
}

impl ProtectedResource {
    /// The absolute address of the description: clients refuse a relative one.
    pub(super) fn description_url(&self, request: &Request<'_>) -> String {
        format!("{}{WELL_KNOWN}{}", self.origin(request), self.path)
    }

    /// The description of the resource at `path`, which is compared by clients with what they asked for
    /// (RFC 9728 section 3.3).
    pub fn description(&self, request: &Request<'_>, path: &str) -> Value {
        let mut document = json!({
            "resource": format!("{}{path}", self.origin(request)),
            "authorization_servers": self.servers,
            "bearer_methods_supported": ["header"],
        });
        if let (false, Some(members)) = (self.scopes.is_empty(), document.as_object_mut()) {
            members.insert("scopes_supported".to_owned(), json!(self.scopes));
        }
        document
    }

    /// What a client calls us. A host that nobody has named is not repeated: whoever sent it could
    /// have made it up.
    fn origin(&self, request: &Request<'_>) -> String {
        match self.origins.exact(request) {
            None if self.named_host => {
                format!("{}://{}", request.scheme.as_str(), request.authority)
            }
            _ => self.origins.of(request).to_owned(),
        }
    }
}

impl Gate {
    /// The resource that a path describes, and the path of that resource; `None` for any other path,
    /// and where tokens open nothing: the application may describe itself.
    pub fn described<'a>(
        &self,
        host: &str,
        path: &'a str,
    ) -> Option<(&ProtectedResource, &'a str)> {
        let inner = path.strip_prefix(WELL_KNOWN)?;
        if !inner.is_empty() && !inner.starts_with('/') {
            return None;
        }
        let asked = if inner.is_empty() { "/" } else { inner };
        // Tokens are for calls of programs: those that post, and else those that read.
        let methods = [Method::POST, Method::GET];
        let mut plans = methods.iter().filter_map(|method| self.plan_of(host, asked, method));
        Some((plans.find_map(|plan| plan.resource.as_deref())?, inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gate::fixture::{Asked, World, open};
    use crate::web::origin::Origin;

    fn resource(path: &str, named_host: bool) -> Arc<ProtectedResource> {
        let [public, api] =
            ["https://app.test", "https://api.test:8443"].map(|text| Origin::parse(text).unwrap());
        Arc::new(ProtectedResource {
            path: path.to_owned(),
            servers: vec!["https://login.test".to_owned()],
            scopes: vec!["read".to_owned()],
            origins: PublicOrigins::new(public, [api]),
            named_host,
        })
    }

    #[test]
    fn the_address_of_a_description_is_absolute_and_never_of_a_made_up_host() {
        for (authority, named, origin) in [
            ("app.test", false, "https://app.test"),
            ("api.test:8443", false, "https://api.test:8443"),
            ("evil.test", false, "https://app.test"),
            ("mcp.test:444", true, "https://mcp.test:444"),
        ] {
            let asked = Asked { host: authority.to_owned(), ..Asked::get("/mcp/x") };
            let (request, resource) = (asked.request(), resource("/mcp", named));
            let url = format!("{origin}/.well-known/oauth-protected-resource/mcp");
            assert_eq!(resource.description_url(&request), url, "{authority}");
            let document = resource.description(&request, "/mcp");
            assert_eq!(document["resource"], format!("{origin}/mcp"));
        }
    }

    #[test]
    fn only_paths_of_routes_with_tokens_are_described() {
        let (world, mut api) = (World::new(), open());
        api.resource = Some(resource("/api", true));
        let gate = world.gate(vec![("app.test/api/*", api), ("app.test/*", open())]);
        let found = |path| gate.described("app.test", path).map(|(_, inner)| inner);
        for (path, inner) in [
            ("/.well-known/oauth-protected-resource/api", Some("/api")),
            ("/.well-known/oauth-protected-resource/api/mcp", Some("/api/mcp")),
            ("/.well-known/oauth-protected-resource/other", None),
            ("/.well-known/oauth-protected-resource", None),
            ("/.well-known/oauth-protected-resources/api", None),
            ("/api", None),
        ] {
            assert_eq!(found(path), inner, "{path}");
        }
        assert!(
            gate.described("other.test", "/.well-known/oauth-protected-resource/api").is_none()
        );
    }
}

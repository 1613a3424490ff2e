//! `bearer`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::bearer::Bearer;
use crate::config::{Auth, Route};
use crate::gate::ProtectedResource;
use crate::web::PublicOrigins;

impl Ways<'_> {
    /// How clients learn where to get a token for a route; `None` where none of its issuers can be
    /// asked for one.
    pub(in crate::app) fn resource(&self, route: &Route) -> Option<ProtectedResource> {
        if !route.auth.contains(&Auth::Bearer) {
            return None;
        }
        let issuers: Vec<_> = self.config.issuers_of(route).map(|(_, issuer)| issuer).collect();
        let gives = issuers.iter().filter(|issuer| issuer.secret.is_none());
        let gives = gives.filter(|issuer| {
            issuer.url().is_some_and(|url| matches!(url.scheme(), "http" | "https"))
        });
        let servers: Vec<_> = gives.map(|issuer| issuer.issuer.clone()).collect();
        let mut scopes: Vec<String> = Vec::new();
        for scope in issuers.iter().flat_map(|issuer| &issuer.scopes).chain(&route.scopes) {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
        let path = route.path.as_str();
        let server = &self.config.server;
        (!servers.is_empty()).then(|| ProtectedResource {
            path: path.strip_suffix("/*").unwrap_or(path).to_owned(),
            servers,
            scopes,
            origins: PublicOrigins::new(
                server.public_url.get().clone(),
                server.origins.iter().map(|origin| origin.get().clone()),
            ),
            named_host: !route.host.as_str().contains('*'),
        })
    }
}

/// The way in of one route: by tokens of the route's own issuers.
#[expect(clippy::unnecessary_wraps, reason = "every way in is made alike")]
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let listed = |id| route.issuers.is_empty() || route.issuers.contains(id);
    let issuers = ways.issuers.iter().filter(|issuer| listed(issuer.id()));
    Ok(Arc::new(Bearer::new(issuers.cloned(), &route.scopes)))
}

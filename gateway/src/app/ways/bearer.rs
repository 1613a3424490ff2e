//! `bearer`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::bearer::Bearer;
use crate::config::Route;

/// The way in of one route: by tokens of the route's own issuers.
#[expect(clippy::unnecessary_wraps, reason = "every way in is made alike")]
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let listed = |id| route.issuers.is_empty() || route.issuers.contains(id);
    let issuers = ways.issuers.iter().filter(|issuer| listed(issuer.id()));
    Ok(Arc::new(Bearer::new(issuers.cloned(), &route.scopes)))
}

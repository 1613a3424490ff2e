//! `session`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::authn::{Authenticator, SessionCookie};
use crate::config::Route;

/// The way in of one route: by sessions of the route's own providers.
#[expect(clippy::unnecessary_wraps, reason = "every way in is made alike")]
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let sessions = Arc::clone(&ways.lasting.sessions);
    let cookie = SessionCookie::new(ways.cookies.clone(), sessions);
    let signers = ways.signers(route).map(|(id, _)| id.clone());
    let vouching: Vec<_> = ways.login(route).into_iter().chain(signers).collect();
    Ok(Arc::new(cookie.only(vouching)))
}
